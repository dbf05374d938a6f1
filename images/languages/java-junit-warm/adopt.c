/* For Warm.java: takes over a client's descriptors and variables, so that the compiler or the tests that the JVM
 * then runs have what they would have in a JVM of their own. keeper.c hands a client's request on, and has
 * checked that all words are there. */
#include <fcntl.h>
#include <jni.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define KEEPER 3
#define ENVIRONMENT "java/lang/ProcessEnvironment"
#define VARIABLE ENVIRONMENT "$Variable"
#define VALUE ENVIRONMENT "$Value"
#define VALUE_OF(class) "([B)L" class ";"

static char *body; /* the latest request; the process's variables point into it */

static _Noreturn void end(void) {
  _exit(1); /* the keeper has ended, or there is no memory; a client ends with this status, too */
}

static void to_descriptors(const int files[3]) {
  for (int n = 0; n < 3; n++)
    if (dup2(files[n], n) != n)
      end();
}

static uint32_t receive(int files[3]) {
  uint32_t length;
  union {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(3 * sizeof(int))];
  } control;
  struct iovec head = {&length, sizeof length};
  struct msghdr message = {.msg_iov = &head, .msg_iovlen = 1, .msg_control = control.bytes,
                           .msg_controllen = sizeof control.bytes};
  if (recvmsg(KEEPER, &message, MSG_CMSG_CLOEXEC) != sizeof length)
    end();
  struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
  if (!rights || rights->cmsg_len != CMSG_LEN(3 * sizeof(int)))
    end();
  memcpy(files, CMSG_DATA(rights), 3 * sizeof(int));
  if (!(body = malloc(length + 1)) || recv(KEEPER, body, length, MSG_WAITALL) != (ssize_t)length)
    end();
  body[length] = 0;
  return length;
}

static jbyteArray bytes_of(JNIEnv *java, const char *from, size_t length) {
  jbyteArray made = (*java)->NewByteArray(java, (jsize)length);
  (*java)->SetByteArrayRegion(java, made, 0, (jsize)length, (const jbyte *)from);
  return made;
}

/* An instance of that class, of these bytes. */
static jobject word_of(JNIEnv *java, const char *class, const char *type, const char *from, size_t length) {
  jclass of = (*java)->FindClass(java, class);
  jmethodID make = (*java)->GetStaticMethodID(java, of, "valueOf", type);
  jbyteArray bytes = bytes_of(java, from, length);
  jobject made = (*java)->CallStaticObjectMethod(java, of, make, bytes);
  (*java)->DeleteLocalRef(java, bytes);
  (*java)->DeleteLocalRef(java, of);
  return made;
}

static jfieldID variables_of(JNIEnv *java, jclass environment) {
  return (*java)->GetStaticFieldID(java, environment, "theEnvironment", "Ljava/util/HashMap;");
}

static int has_words_of(JNIEnv *java, const char *class, const char *type) {
  jclass of = (*java)->FindClass(java, class);
  return of && (*java)->GetStaticMethodID(java, of, "valueOf", type);
}

/* System.load fails in a JDK whose variables are kept otherwise. So an image with such a JDK cannot be built. */
JNIEXPORT jint JNICALL JNI_OnLoad(JavaVM *machine, void *reserved) {
  (void)reserved;
  JNIEnv *java;
  if ((*machine)->GetEnv(machine, (void **)&java, JNI_VERSION_10) != JNI_OK)
    return JNI_ERR;
  jclass environment = (*java)->FindClass(java, ENVIRONMENT);
  if (!environment || !variables_of(java, environment))
    return JNI_ERR;
  if (!has_words_of(java, VARIABLE, VALUE_OF(VARIABLE)) || !has_words_of(java, VALUE, VALUE_OF(VALUE)))
    return JNI_ERR;
  return JNI_VERSION_10;
}

/* Java reads the process's variables once, for System.getenv(), and javac has made it do so. */
static void renew_environment(JNIEnv *java, char *words, char *past) {
  jclass environment = (*java)->FindClass(java, ENVIRONMENT);
  jclass map = (*java)->FindClass(java, "java/util/HashMap");
  jobject all = (*java)->GetStaticObjectField(java, environment, variables_of(java, environment));
  jmethodID put = (*java)->GetMethodID(java, map, "put", "(Ljava/lang/Object;Ljava/lang/Object;)Ljava/lang/Object;");
  (*java)->CallVoidMethod(java, all, (*java)->GetMethodID(java, map, "clear", "()V"));
  clearenv();
  for (char *one = words; one < past; one += strlen(one) + 1) {
    char *equals = strchr(one, '=');
    if (!equals)
      continue;
    putenv(one);
    jobject name = word_of(java, VARIABLE, VALUE_OF(VARIABLE), one, (size_t)(equals - one));
    jobject value = word_of(java, VALUE, VALUE_OF(VALUE), equals + 1, strlen(equals + 1));
    (*java)->CallObjectMethod(java, all, put, name, value);
    (*java)->DeleteLocalRef(java, name);
    (*java)->DeleteLocalRef(java, value);
  }
  if ((*java)->ExceptionCheck(java))
    end();
}

/* Waits for a request: the program's name and its arguments. */
JNIEXPORT jobjectArray JNICALL Java_Warm_next(JNIEnv *java, jclass warm) {
  (void)warm;
  int files[3];
  char *before = body;
  uint32_t length = receive(files);
  char *past = body + length, *name = body, *at = body;
  to_descriptors(files);
  for (int n = 0; n < 3; n++)
    close(files[n]);
  for (int skipped = 0; skipped < 2 + 2 * RLIM_NLIMITS; skipped++) /* name, umask, limits */
    at += strlen(at) + 1;
  jsize count = (jsize)atoi(at);
  at += strlen(at) + 1;
  jobjectArray made = (*java)->NewObjectArray(java, count + 1, (*java)->FindClass(java, "java/lang/String"), NULL);
  (*java)->SetObjectArrayElement(java, made, 0, (*java)->NewStringUTF(java, name));
  for (jsize n = 1; n <= count; n++) {
    (*java)->SetObjectArrayElement(java, made, n, (*java)->NewStringUTF(java, at));
    at += strlen(at) + 1;
  }
  renew_environment(java, at, past);
  free(before); /* variables of the last request were in it */
  return made;
}

/* Tells the keeper how the request ended; of this process, that it is ready. */
JNIEXPORT void JNICALL Java_Warm_ended(JNIEnv *java, jclass warm, jint status) {
  (void)java, (void)warm;
  int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  to_descriptors((const int[]){nothing, nothing, nothing});
  close(nothing);
  if (send(KEEPER, &status, sizeof status, MSG_NOSIGNAL) != sizeof status)
    end();
}
