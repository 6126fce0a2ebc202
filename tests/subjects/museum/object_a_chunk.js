// A chunk is taken for one JSON message; two that were written one after the other come as one.
const net = require('net');

const mended = process.argv[2] === 'mended';
const show = line => console.log(JSON.parse(line).message);

const server = net.createServer(socket => {
  let rest = '';
  socket.setEncoding('utf8');
  socket.on('data', chunk => {
    if (!mended) return show(chunk);
    const lines = (rest + chunk).split('\n');
    rest = lines.pop();
    lines.forEach(show);
  });
  socket.on('end', () => {
    socket.end();
    server.close();
  });
}).listen(0, '127.0.0.1', () => {
  const client = net.connect(server.address().port, '127.0.0.1', () => {
    client.write('{"message": "hello"}\n');
    setTimeout(() => client.end('{"message": "feng"}\n'), 200);
  });
});
