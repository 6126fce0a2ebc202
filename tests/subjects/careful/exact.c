/* C: each message behind its length, read to its end. Built by the test that runs it. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int recv_exact(int fd, void *data, size_t n) {
    size_t got = 0;
    while (got < n) {
        ssize_t part = recv(fd, (char *)data + got, n - got, 0);
        if (part < 0 && errno == EINTR) continue;
        if (part <= 0) return -1; /* 0: the stream ended */
        got += part;
    }
    return 0;
}

static int send_exact(int fd, const void *data, size_t n) {
    size_t sent = 0;
    while (sent < n) {
        ssize_t part = send(fd, (const char *)data + sent, n - sent, MSG_NOSIGNAL);
        if (part < 0 && errno == EINTR) continue;
        if (part < 0) return -1;
        sent += part;
    }
    return 0;
}

static int send_message(int fd, const char *text) {
    uint32_t length = htonl(strlen(text));
    return send_exact(fd, &length, 4) || send_exact(fd, text, strlen(text)) ? -1 : 0;
}

static int recv_message(int fd, char text[100]) {
    uint32_t length;
    if (recv_exact(fd, &length, 4)) return -1;
    length = ntohl(length);
    if (length >= 100 || recv_exact(fd, text, length)) return -1;
    text[length] = 0;
    return 0;
}

int main(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    char text[100];
    if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 1)) return 1;
    getsockname(listener, (struct sockaddr *)&address, &size);
    if (fork() == 0) {
        int server = accept(listener, NULL, NULL);
        while (recv_message(server, text) == 0)
            if (send_message(server, text)) return 1;
        return 0;
    }
    close(listener);
    int client = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(client, (struct sockaddr *)&address, size)) return 1;
    const char *words[] = {"hello", "feng", "你好，世界"};
    for (int i = 0; i < 3; i++) {
        if (send_message(client, words[i]) || recv_message(client, text)) return 1;
        puts(text);
    }
    close(client);
    int status;
    wait(&status);
    return status != 0;
}
