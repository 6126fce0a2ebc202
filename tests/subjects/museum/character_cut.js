// A UTF-8 character is cut in two, and each half is decoded by itself.
const net = require('net');
const { StringDecoder } = require('string_decoder');

const mended = process.argv[2] === 'mended';

const server = net.createServer(socket => {
  const decoder = new StringDecoder('utf8');
  let text = '';
  socket.on('data', part => { text += mended ? decoder.write(part) : part.toString('utf8'); });
  socket.on('end', () => {
    console.log(text);
    socket.end();
    server.close();
  });
}).listen(0, '127.0.0.1', () => {
  net.connect(server.address().port, '127.0.0.1', function () { this.end('项目/粘包.ts'); });
});
