<?php
// Speaks to the server as php-redis does: PORT; prints OK at the end.
function check(bool $isTrue, string $what): void
{
    if (!$isTrue) {
        fwrite(STDERR, "failed: $what\n");
        exit(1);
    }
}

$redis = new Redis();
$redis->connect('127.0.0.1', (int) $argv[1]);
$redis->flushAll();
check($redis->set('key', 'value', ['ex' => 100]) && $redis->get('key') === 'value', 'strings');
check($redis->ttl('key') > 90, 'expiry');
check($redis->incrBy('count', 5) === 5 && $redis->mGet(['key', 'missing']) === ['value', false], 'more strings');
$redis->hMSet('hash', ['a' => 1, 'b' => 2]);
check($redis->hGetAll('hash') === ['a' => '1', 'b' => '2'], 'hashes');
$redis->zAdd('sorted', 1, 'one', 2.5, 'two');
check($redis->zRange('sorted', 0, -1, true) === ['one' => 1.0, 'two' => 2.5], 'sorted sets');
$redis->setOption(Redis::OPT_SCAN, Redis::SCAN_RETRY);
$cursor = null;
check($redis->scan($cursor, 'k*') === ['key'], 'scan');

$pipe = $redis->pipeline();
for ($number = 0; $number < 500; $number++) {
    $pipe->set("pipe:$number", (string) $number);
}
check($pipe->exec() === array_fill(0, 500, true), 'pipelines');
check($redis->multi()->incr('count')->incr('count')->exec() === [6, 7], 'transactions');
$other = new Redis();
$other->connect('127.0.0.1', (int) $argv[1]);
$redis->watch('count');
$other->incr('count');
check($redis->multi()->incr('count')->exec() === false, 'watched transactions');

$script = "return redis.call('INCRBY', KEYS[1], ARGV[1])";
check($redis->eval($script, ['scripted', 3], 1) === 3, 'scripts');
check($redis->evalSha($redis->script('load', $script), ['scripted', 4], 1) === 7, 'scripts by their digest');
check($redis->lPush('key', 'x') === false && str_starts_with($redis->getLastError(), 'WRONGTYPE'), 'errors');

$redis->setOption(Redis::OPT_SERIALIZER, Redis::SERIALIZER_PHP);
$redis->set('object', ['a' => [1, 2, 3]]);
check($redis->get('object') === ['a' => [1, 2, 3]], 'serialized values');
$redis->setOption(Redis::OPT_SERIALIZER, Redis::SERIALIZER_NONE);

$redis->xGroup('CREATE', 'stream', 'group', '0', true);
$ids = [];
for ($number = 0; $number < 10; $number++) {
    $ids[] = $redis->xAdd('stream', '*', ['number' => (string) $number]);
}
check(array_keys($redis->xReadGroup('group', 'me', ['stream' => '>'], 10)['stream']) === $ids, 'streams');
check($redis->xAck('stream', 'group', $ids) === 10, 'acknowledged entries');

// Sessions
ini_set('session.save_handler', 'redis');
ini_set('session.save_path', 'tcp://127.0.0.1:' . (int) $argv[1]);
ini_set('session.use_cookies', '0');
ini_set('session.cache_limiter', '');
session_id('visitor');
session_start();
$_SESSION['user'] = 'Ada';
session_write_close();
session_start();
check($_SESSION['user'] === 'Ada' && $redis->ttl('PHPREDIS_SESSION:visitor') > 0, 'sessions');
// The process waits in subscribe, so another one publishes until it is heard.
$command = sprintf(
    '%s -r %s',
    escapeshellarg(PHP_BINARY),
    escapeshellarg(
        '$r = new Redis(); $r->connect("127.0.0.1", ' . (int) $argv[1] . ');' .
        ' while ($r->publish("news", "hello") !== 1) usleep(10000);'
    )
);
$publisher = proc_open($command, [], $pipes);
$other->setOption(Redis::OPT_READ_TIMEOUT, '10');
$heard = null;
try {
    $other->subscribe(['news'], function ($client, $channel, $message) use (&$heard) {
        $heard = $message;
        $client->close();
    });
} catch (RedisException) {
    // It goes on to wait for messages of the connection that is closed.
}
check($heard === 'hello', 'messages');
echo "OK\n";
