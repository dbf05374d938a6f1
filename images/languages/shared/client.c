/* In the place of a program: has a process that an image's warm-up has left do what the real program would
 * do, and ends as that does. It becomes the real program, /usr/bin/NAME, whenever anything is unusual, or that
 * process does not want to. ADDRESS is the name of that process's abstract socket. */
#include <dirent.h>
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
#define LONGEST (4 << 20)

static char real[4096];
static char **words;
static sigset_t at_start;
static char *body;
static size_t length, room;

static _Noreturn void be_the_real_one(void) {
  sigprocmask(SIG_SETMASK, &at_start, NULL);
  words[0] = real;
  execv(real, words);
  fprintf(stderr, "%s: %s\n", real, strerror(errno));
  _exit(errno == ENOENT ? 127 : 126);
}

/* With its NUL. */
static void add(const char *word) {
  size_t more = strlen(word) + 1;
  if (length + more > LONGEST)
    be_the_real_one();
  if (length + more > room) {
    room = 2 * (length + more);
    if (!(body = realloc(body, room)))
      be_the_real_one();
  }
  memcpy(body + length, word, more);
  length += more;
}

static void add_number(unsigned long long number) {
  char word[32];
  /* As Python writes RLIM_INFINITY. */
  snprintf(word, sizeof word, "%lld", (long long)number);
  add(word);
}

/* Other descriptors than the first three, a terminal, and signals that are ignored or blocked
 * would be the program's, too. */
static int is_usual(void) {
  int seen = 0;
  DIR *open_files = opendir("/proc/self/fd");
  if (!open_files)
    return 0;
  for (struct dirent *one; (one = readdir(open_files));)
    if (one->d_name[0] != '.' && atoi(one->d_name) != dirfd(open_files))
      seen += atoi(one->d_name) > 2 ? 100 : 1;
  closedir(open_files);
  if (seen != 3 || isatty(0) || isatty(1) || isatty(2))
    return 0;
  for (int number = 1; number < 32; number++) {
    struct sigaction now;
    if (sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_IGN)
      return 0;
    if (sigismember(&at_start, number) == 1)
      return 0;
  }
  return 1;
}

static int connected(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  memcpy(address.sun_path, AT, sizeof AT - 1);
  socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + sizeof AT - 1);
  int to = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (to < 0 || connect(to, (struct sockaddr *)&address, size) < 0)
    be_the_real_one();
  return to;
}

static void send_request(int to) {
  int folder = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int files[4] = {0, 1, 2, folder};
  uint32_t size = (uint32_t)length;
  union {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof files)];
  } control = {0};
  struct iovec head = {&size, sizeof size};
  struct msghdr message = {.msg_iov = &head, .msg_iovlen = 1, .msg_control = control.bytes,
                           .msg_controllen = sizeof control.bytes};
  struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(sizeof files);
  memcpy(CMSG_DATA(rights), files, sizeof files);
  if (folder < 0 || sendmsg(to, &message, MSG_NOSIGNAL) != sizeof size)
    be_the_real_one();
  for (size_t sent = 0; sent < length;) {
    ssize_t now = send(to, body + sent, length - sent, MSG_NOSIGNAL);
    if (now <= 0)
      be_the_real_one();
    sent += (size_t)now;
  }
  close(folder);
}

static _Noreturn void end_as(int status) {
  if (WIFEXITED(status))
    _exit(WEXITSTATUS(status));
  const struct rlimit no_core = {0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  signal(WTERMSIG(status), SIG_DFL);
  sigset_t it;
  sigemptyset(&it);
  sigaddset(&it, WTERMSIG(status));
  raise(WTERMSIG(status));
  sigprocmask(SIG_UNBLOCK, &it, NULL);
  _exit(128 + WTERMSIG(status));
}

/* Signals that come to us are for the program. */
static _Noreturn void wait_for_end(int to, int signals) {
  struct pollfd watched[] = {{to, POLLIN, 0}, {signals, POLLIN, 0}};
  for (;;) {
    if (poll(watched, 2, -1) < 0)
      continue;
    if (watched[1].revents) {
      struct signalfd_siginfo one;
      if (read(signals, &one, sizeof one) == sizeof one) {
        unsigned char number = (unsigned char)one.ssi_signo;
        send(to, &number, 1, MSG_NOSIGNAL);
      }
    }
    if (watched[0].revents) {
      char said[5];
      int status;
      if (recv(to, said, sizeof said, MSG_WAITALL) != sizeof said)
        _exit(137); /* it was killed, and its forks with it */
      memcpy(&status, said + 1, sizeof status);
      end_as(status);
    }
  }
}

int main(int count, char **arguments, char **variables) {
  words = arguments;
  const char *slash = strrchr(words[0], '/'), *name = slash ? slash + 1 : words[0];
  snprintf(real, sizeof real, "/usr/bin/%s", name);
  sigprocmask(SIG_SETMASK, NULL, &at_start);
  if (!is_usual())
    be_the_real_one();
  int to = connected();
  mode_t mask = umask(0);
  umask(mask);
  add(name);
  add_number(mask);
  for (int limit = 0; limit < RLIM_NLIMITS; limit++) {
    struct rlimit now;
    if (getrlimit((__rlimit_resource_t)limit, &now) < 0)
      be_the_real_one();
    add_number(now.rlim_cur);
    add_number(now.rlim_max);
  }
  add_number((unsigned long long)(count - 1));
  for (int at = 1; at < count; at++)
    add(words[at]);
  for (; *variables; variables++)
    add(*variables);
  /* From here on they are forwarded; none is lost, nor ends us while the program goes on. */
  sigset_t all;
  sigfillset(&all);
  sigdelset(&all, SIGCHLD);
  sigdelset(&all, SIGPIPE);
  sigdelset(&all, SIGTSTP);
  sigdelset(&all, SIGSEGV);
  sigprocmask(SIG_SETMASK, &all, NULL);
  int signals = signalfd(-1, &all, SFD_CLOEXEC);
  send_request(to);
  char accepted = 0;
  if (signals < 0 || recv(to, &accepted, 1, MSG_WAITALL) != 1 || accepted != 'y')
    be_the_real_one();
  wait_for_end(to, signals);
}
