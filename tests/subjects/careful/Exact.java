// Java: DataInputStream, whose readInt and readFully wait for all of it.
import java.io.*;
import java.net.*;
import java.nio.charset.StandardCharsets;

public class Exact {
    static void serve(ServerSocket listener) {
        try (Socket socket = listener.accept()) {
            DataInputStream in = new DataInputStream(socket.getInputStream());
            DataOutputStream out = new DataOutputStream(new BufferedOutputStream(socket.getOutputStream()));
            while (true) {
                byte[] body = new byte[in.readInt()];
                in.readFully(body);
                out.writeInt(body.length);
                out.write(body);
                out.flush();
            }
        } catch (EOFException end) {
            // The client has gone between two messages.
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    public static void main(String[] args) throws Exception {
        ServerSocket listener = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        Thread server = new Thread(() -> serve(listener));
        server.start();
        try (Socket socket = new Socket(listener.getInetAddress(), listener.getLocalPort())) {
            DataInputStream in = new DataInputStream(socket.getInputStream());
            DataOutputStream out = new DataOutputStream(socket.getOutputStream());
            for (String word : new String[] {"hello", "feng", "world"}) {
                byte[] body = word.getBytes(StandardCharsets.UTF_8);
                out.writeInt(body.length);
                out.write(body);
                byte[] answer = new byte[in.readInt()];
                in.readFully(answer);
                System.out.println(new String(answer, StandardCharsets.UTF_8));
            }
        }
        server.join();
    }
}
