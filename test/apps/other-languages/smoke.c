/* Speaks to the server as hiredis does: PORT; prints OK at the end. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static redisContext *open_connection(int port) {
  redisContext *context = redisConnect("127.0.0.1", port);
  if (context == NULL || context->err) {
    fprintf(stderr, "connect: %s\n", context ? context->errstr : "no memory");
    exit(1);
  }
  return context;
}

static void check(int is_true, const char *what, redisContext *context) {
  if (is_true) return;
  fprintf(stderr, "failed: %s %s\n", what, context->errstr);
  exit(1);
}

/* Whether a command is answered by this status or string. */
static int answers(redisContext *context, const char *expected, const char *command) {
  redisReply *reply = redisCommand(context, command);
  int is_same = reply != NULL && reply->str != NULL && strcmp(reply->str, expected) == 0;
  if (!is_same) fprintf(stderr, "%s: %s\n", command, reply && reply->str ? reply->str : "(no text)");
  if (reply) freeReplyObject(reply);
  return is_same;
}

static long long integer(redisContext *context, const char *command) {
  redisReply *reply = redisCommand(context, command);
  long long value = reply != NULL && reply->type == REDIS_REPLY_INTEGER ? reply->integer : -1000;
  if (reply) freeReplyObject(reply);
  return value;
}

int main(int argc, char **argv) {
  int port = argc > 1 ? atoi(argv[1]) : 6379;
  redisContext *context = open_connection(port);
  redisReply *reply;

  check(answers(context, "OK", "FLUSHALL"), "FLUSHALL", context);
  check(answers(context, "OK", "SET key value EX 100"), "SET", context);
  check(answers(context, "value", "GET key"), "GET", context);
  check(integer(context, "INCRBY count 5") == 5, "INCRBY", context);
  reply = redisCommand(context, "SET %b %b", "\0\xff", (size_t)2, "a\0b", (size_t)3);
  freeReplyObject(reply);
  reply = redisCommand(context, "GET %b", "\0\xff", (size_t)2);
  check(reply->len == 3 && memcmp(reply->str, "a\0b", 3) == 0, "binary strings", context);
  freeReplyObject(reply);

  for (int number = 0; number < 1000; number++) redisAppendCommand(context, "SET pipe:%d %d", number, number);
  for (int number = 0; number < 1000; number++) {
    check(redisGetReply(context, (void **)&reply) == REDIS_OK && reply->type == REDIS_REPLY_STATUS, "pipeline", context);
    freeReplyObject(reply);
  }

  check(answers(context, "OK", "MULTI"), "MULTI", context);
  check(answers(context, "QUEUED", "INCR count") && answers(context, "QUEUED", "GET key"), "QUEUED", context);
  reply = redisCommand(context, "EXEC");
  check(reply->elements == 2 && reply->element[0]->integer == 6 && !strcmp(reply->element[1]->str, "value"), "EXEC", context);
  freeReplyObject(reply);

  reply = redisCommand(context, "EVAL %s 1 scripted 3", "return redis.call('INCRBY', KEYS[1], ARGV[1])");
  check(reply->type == REDIS_REPLY_INTEGER && reply->integer == 3, "EVAL", context);
  freeReplyObject(reply);
  reply = redisCommand(context, "LPUSH key x");
  check(reply->type == REDIS_REPLY_ERROR && !strncmp(reply->str, "WRONGTYPE", 9), "errors", context);
  freeReplyObject(reply);

  redisContext *subscriber = open_connection(port);
  freeReplyObject(redisCommand(subscriber, "SUBSCRIBE news"));
  check(integer(context, "PUBLISH news hello") == 1, "PUBLISH", context);
  check(redisGetReply(subscriber, (void **)&reply) == REDIS_OK && reply->elements == 3 &&
            !strcmp(reply->element[2]->str, "hello"), "messages", subscriber);
  freeReplyObject(reply);
  redisFree(subscriber);

  check(answers(context, "OK", "XGROUP CREATE stream group 0 MKSTREAM"), "XGROUP", context);
  for (int number = 1; number <= 10; number++) freeReplyObject(redisCommand(context, "XADD stream %d-0 n %d", number, number));
  reply = redisCommand(context, "XREADGROUP GROUP group me COUNT 10 STREAMS stream >");
  check(reply->type == REDIS_REPLY_ARRAY && reply->element[0]->element[1]->elements == 10, "XREADGROUP", context);
  freeReplyObject(reply);
  check(integer(context, "XACK stream group 1-0 2-0") == 2, "XACK", context);
  redisFree(context);
  puts("OK");
  return 0;
}
