/* keeper COMMAND...: keeps a JVM, which COMMAND starts, for the programs of client.c, the clients. The keeper
 * ends once the JVM is ready, or has had MOST_MS. A fork of the keeper stays in the background: it hands the
 * requests of clients on to the JVM, one at a time, and tells each client how its request ended. The JVM reads
 * requests from descriptor 3, see adopt.c. A learner's program may send the keeper any bytes; the learner would
 * only harm the own run, but the keeper must not wait for such a client, nor pass on what adopt.c cannot read. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define AT "\0" ADDRESS
#define JUNIT "/usr/share/java/junit-platform-console-standalone.jar"
#define LONGEST (4 << 20)
#define MOST_MS 2500
#define CLIENT_MOST_S 1 /* a client sends its request at once */

static char body[LONGEST + 1];
static char **variables;

static _Noreturn void fail(const char *what) {
  perror(what);
  exit(1);
}

static int listener(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  memcpy(address.sun_path, AT, sizeof AT - 1);
  socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + sizeof AT - 1);
  int made = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (made < 0 || bind(made, (struct sockaddr *)&address, size) < 0 || listen(made, 64) < 0)
    fail("listen");
  return made;
}

static pid_t start(char **command, int its_end) {
  pid_t started = fork();
  if (started < 0)
    fail("fork");
  if (started == 0) {
    sigset_t none;
    signal(SIGPIPE, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (dup2(its_end, 3) == 3 && fcntl(3, F_SETFD, 0) == 0) /* dup2 of 3 to 3 would leave it to be closed */
      execv(command[0], command);
    fail(command[0]);
  }
  return started;
}

/* The next word of the request in `body`, which ends with a NUL; an empty word when there are no more. */
static const char *word(size_t length, size_t *at) {
  if (*at >= length)
    return "";
  const char *found = body + *at;
  *at += strlen(found) + 1;
  return found;
}

/* Whether a JVM looks at this variable when it starts. The one that waits has started before. */
static int is_heeded(const char *variable) {
  static const char *const all[] = {"JAVA", "JDK_", "_JAVA", "CLASSPATH=", "LANG", "LC_", "TZ=", "LD_",
                                    "HOME=", "USER=", "GLIBC_", "MALLOC_", "_JPI"};
  for (size_t n = 0; n < sizeof all / sizeof *all; n++)
    if (!strncmp(variable, all[n], strlen(all[n])))
      return 1;
  return 0;
}

/* Whether the JVM that waits was started with just this. */
static int is_ours(const char *variable) {
  for (char **one = variables; *one; one++)
    if (!strcmp(*one, variable))
      return 1;
  return 0;
}

static int has_our_limits(size_t length, size_t *at) {
  int same = 1;
  for (int limit = 0; limit < RLIM_NLIMITS; limit++) {
    struct rlimit ours;
    if (getrlimit((__rlimit_resource_t)limit, &ours) < 0)
      return 0;
    same &= strtoll(word(length, at), NULL, 10) == (long long)ours.rlim_cur;
    same &= strtoll(word(length, at), NULL, 10) == (long long)ours.rlim_max;
  }
  return same;
}

/* Whether the JVM that waits may do this: `javac ...` or `java -jar JUNIT ...`, in the JVM's folder, with its
 * limits, and with the variables that a JVM heeds as they were when it was started. */
static int is_usual(size_t length, int folder) {
  size_t at = 0;
  struct stat theirs, ours;
  mode_t mask = umask(0);
  umask(mask);
  const char *name = word(length, &at);
  int is_java = !strcmp(name, "java");
  if ((!is_java && strcmp(name, "javac")) || strtoul(word(length, &at), NULL, 10) != mask)
    return 0;
  if (!has_our_limits(length, &at) || fstat(folder, &theirs) < 0 || stat(".", &ours) < 0)
    return 0;
  if (theirs.st_dev != ours.st_dev || theirs.st_ino != ours.st_ino)
    return 0;
  long count = strtol(word(length, &at), NULL, 10);
  for (long n = 0; n < count; n++) {
    if (at >= length)
      return 0; /* adopt.c reads as many words as that */
    const char *argument = word(length, &at);
    if (is_java && n < 2 && strcmp(argument, n ? JUNIT : "-jar"))
      return 0;
    if (!is_java && (!strncmp(argument, "-J", 2) || strstr(argument, "processor")))
      return 0;
    for (const char *letter = argument; *letter; letter++)
      if (*letter & 0x80)
        return 0; /* its meaning depends on the locale */
  }
  if (count < (is_java ? 2 : 0))
    return 0;
  int heeded = 0;
  for (char **one = variables; *one; one++)
    heeded += is_heeded(*one);
  while (at < length) {
    const char *variable = word(length, &at);
    if (is_heeded(variable) && (!is_ours(variable) || heeded-- == 0))
      return 0;
  }
  return heeded == 0;
}

/* Puts a client's request into `body`, and its three outputs and its folder into `files`. Tells the length of
 * the request; 0 if it is none. */
static size_t receive(int from, int files[4]) {
  uint32_t length = 0;
  union {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(4 * sizeof(int))];
  } control;
  struct iovec head = {&length, sizeof length};
  struct msghdr message = {.msg_iov = &head, .msg_iovlen = 1, .msg_control = control.bytes,
                           .msg_controllen = sizeof control.bytes};
  if (recvmsg(from, &message, MSG_CMSG_CLOEXEC) != sizeof length)
    return 0;
  struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
  if (!rights || rights->cmsg_type != SCM_RIGHTS || rights->cmsg_len != CMSG_LEN(4 * sizeof(int)))
    return 0;
  memcpy(files, CMSG_DATA(rights), 4 * sizeof(int));
  if (length == 0 || length > LONGEST || recv(from, body, length, MSG_WAITALL) != (ssize_t)length)
    return 0;
  body[length] = 0;
  return length;
}

static int hand_on(int jvm, size_t length, int files[4]) {
  uint32_t size = (uint32_t)length;
  union {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(3 * sizeof(int))];
  } control = {0};
  struct iovec head = {&size, sizeof size};
  struct msghdr message = {.msg_iov = &head, .msg_iovlen = 1, .msg_control = control.bytes,
                           .msg_controllen = sizeof control.bytes};
  struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(3 * sizeof(int));
  memcpy(CMSG_DATA(rights), files, 3 * sizeof(int));
  if (sendmsg(jvm, &message, MSG_NOSIGNAL) != sizeof size)
    return 0;
  for (size_t sent = 0; sent < length;) {
    ssize_t now = send(jvm, body + sent, length - sent, MSG_NOSIGNAL);
    if (now <= 0)
      return 0;
    sent += (size_t)now;
  }
  return 1;
}

/* The next client if the JVM has its request now, else -1: then the client becomes the real program. */
static int accepted(int listening, int jvm) {
  int client = accept4(listening, NULL, NULL, SOCK_CLOEXEC), files[4] = {-1, -1, -1, -1};
  const struct timeval most = {.tv_sec = CLIENT_MOST_S};
  if (client < 0)
    return -1;
  setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
  size_t length = receive(client, files);
  int ours = length && is_usual(length, files[3]) && hand_on(jvm, length, files);
  for (int n = 0; n < 4; n++)
    if (files[n] >= 0)
      close(files[n]);
  if (!ours) {
    close(client);
    return -1;
  }
  send(client, "y", 1, MSG_NOSIGNAL); /* if the client has been killed meanwhile, `keep` ends the JVM */
  return client;
}

/* The JVM does one thing at a time. Tests may themselves start a javac and wait for it, so no client waits. */
static void refuse(int listening) {
  int client = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
  if (client >= 0)
    close(client);
}

/* `status` is one of waitpid's. */
static void tell(int client, int status) {
  char said[1 + sizeof status] = "e";
  memcpy(said + 1, &status, sizeof status);
  send(client, said, sizeof said, MSG_NOSIGNAL);
  close(client);
}

/* `changes` tells of each SIGCHLD, which comes when the JVM ends, and when it is stopped or goes on. */
static _Noreturn void keep(int listening, int jvm, pid_t its_pid, int changes) {
  int client = -1; /* whose request the JVM has */
  for (;;) {
    struct pollfd watched[] = {{changes, POLLIN, 0}, {jvm, POLLIN, 0}, {client, POLLIN, 0},
                               {listening, POLLIN, 0}};
    if (poll(watched, 4, -1) < 0)
      continue;
    if (watched[1].revents & POLLIN) {
      int status;
      if (recv(jvm, &status, sizeof status, MSG_WAITALL) == sizeof status && client >= 0) {
        tell(client, status << 8);
        client = -1;
        continue;
      }
    }
    if (watched[0].revents) {
      struct signalfd_siginfo change;
      int status;
      if (read(changes, &change, sizeof change) != sizeof change)
        exit(1);
      if (waitpid(its_pid, &status, WNOHANG) == its_pid) {
        if (client >= 0)
          tell(client, status);
        exit(0);
      }
    }
    if (client >= 0 && watched[2].revents) {
      unsigned char number;
      /* Whoever kills the client wants the program to end that it stands for. */
      kill(its_pid, recv(client, &number, 1, 0) == 1 ? number : SIGKILL);
    }
    if (watched[3].revents && client >= 0)
      refuse(listening);
    else if (watched[3].revents)
      client = accepted(listening, jvm);
  }
}

int main(int count, char **arguments, char **its_variables) {
  int pair[2], ready[2];
  sigset_t child;
  variables = its_variables;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  if (count < 2 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0 || pipe(ready) < 0)
    fail("usage: keeper COMMAND...");
  int listening = listener();
  pid_t background = fork();
  if (background < 0)
    fail("fork");
  if (background > 0) {
    char said;
    struct pollfd watched = {ready[0], POLLIN, 0};
    close(ready[1]);
    /* If the JVM is not ready by then, the run waits for it. 1 if the JVM has ended. */
    exit(poll(&watched, 1, MOST_MS) == 1 && read(ready[0], &said, 1) != 1);
  }
  close(ready[0]);
  fcntl(ready[1], F_SETFD, FD_CLOEXEC);
  signal(SIGPIPE, SIG_IGN); /* the keeper in the foreground may have ended after MOST_MS */
  sigprocmask(SIG_BLOCK, &child, NULL);
  int changes = signalfd(-1, &child, SFD_CLOEXEC);
  pid_t jvm = start(arguments + 1, pair[1]);
  int status;
  close(pair[1]);
  if (changes < 0 || recv(pair[0], &status, sizeof status, MSG_WAITALL) != sizeof status)
    exit(1);
  (void)!write(ready[1], "r", 1);
  close(ready[1]);
  keep(listening, pair[0], jvm, changes);
}
