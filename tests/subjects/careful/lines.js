// Node: what came is kept until a line is whole.
const net = require('net');

function lines(socket, handle) {
  let rest = Buffer.alloc(0);
  socket.on('data', part => {
    rest = Buffer.concat([rest, part]);
    let end;
    while ((end = rest.indexOf(10)) >= 0) {
      handle(rest.subarray(0, end).toString());
      rest = rest.subarray(end + 1);
    }
  });
}

const server = net.createServer(socket => {
  lines(socket, line => socket.write(line.toUpperCase() + '\n'));
  socket.on('end', () => server.close());
}).listen(0, '127.0.0.1', () => {
  const words = ['hello', 'feng', 'naïve'];
  const client = net.connect(server.address().port, '127.0.0.1', () => client.write(words.shift() + '\n'));
  lines(client, line => {
    console.log(line);
    if (words.length) client.write(words.shift() + '\n'); else client.end();
  });
});
