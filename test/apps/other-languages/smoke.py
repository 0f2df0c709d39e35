"""Speaks to the server as python3-redis does: PORT PROTOCOL-FREE; prints OK at the end."""

import sys
import threading

import redis

port = int(sys.argv[1])
client = redis.Redis(port=port, decode_responses=True)
client.flushall()

# Strings
assert client.set("key", "value", ex=100) is True
assert client.get("key") == "value"
assert 90 < client.ttl("key") <= 100
assert client.incrby("count", 5) == 5
assert client.mget("key", "missing", "count") == ["value", None, "5"]
binary = redis.Redis(port=port)
binary.set(b"\x00\xff", bytes(range(256)))
assert binary.get(b"\x00\xff") == bytes(range(256))

# Collections
assert client.hset("hash", mapping={"a": 1, "b": 2}) == 2
assert client.hgetall("hash") == {"a": "1", "b": "2"}
assert client.zadd("sorted", {"one": 1, "two": 2.5}) == 2
assert client.zrange("sorted", 0, -1, withscores=True) == [("one", 1.0), ("two", 2.5)]
assert sorted(key for key in client.scan_iter(match="*o*", count=2)) == ["count", "sorted"]

# Pipelines and transactions
with client.pipeline(transaction=False) as pipe:
    for number in range(500):
        pipe.set(f"pipe:{number}", number)
    assert pipe.execute() == [True] * 500
with client.pipeline() as pipe:
    pipe.watch("count")
    pipe.multi()
    pipe.incr("count").incr("count")
    assert pipe.execute() == [6, 7]
with client.pipeline() as pipe:
    pipe.watch("count")
    client.incr("count")
    pipe.multi()
    pipe.incr("count")
    try:
        pipe.execute()
        raise AssertionError("the transaction was not refused")
    except redis.WatchError:
        pass
try:
    client.lpush("key", "x")
    raise AssertionError("no WRONGTYPE")
except redis.ResponseError as error:
    assert str(error).startswith("WRONGTYPE"), error

# Scripts
add = client.register_script("return redis.call('INCRBY', KEYS[1], ARGV[1])")
assert add(keys=["scripted"], args=[3]) == 3
client.script_flush()
assert add(keys=["scripted"], args=[4]) == 7

# Publish and subscribe
subscriber = client.pubsub(ignore_subscribe_messages=True)
subscriber.subscribe("news")
subscriber.psubscribe("n*")
assert subscriber.get_message(timeout=5) is None and subscriber.get_message(timeout=5) is None
assert client.publish("news", "hello") == 2
kinds = {subscriber.get_message(timeout=5)["type"] for _ in range(2)}
assert kinds == {"message", "pmessage"}, kinds
subscriber.close()

# Blocking
popped = []
waiter = threading.Thread(target=lambda: popped.append(redis.Redis(port=port).blpop("queue", timeout=10)))
waiter.start()
client.rpush("queue", "job")
waiter.join()
assert popped == [(b"queue", b"job")]

# Streams
client.xgroup_create("stream", "group", id="0", mkstream=True)
ids = [client.xadd("stream", {"number": number}) for number in range(10)]
read = client.xreadgroup("group", "consumer", {"stream": ">"}, count=10)
assert [entry for entry, _ in read[0][1]] == ids
assert client.xpending("stream", "group")["pending"] == 10
assert client.xack("stream", "group", *ids) == 10
assert client.xinfo_stream("stream")["length"] == 10

# Locks, locations, estimates
with client.lock("lock", timeout=10):
    assert client.exists("lock") == 1
assert client.exists("lock") == 0
client.geoadd("cities", (2.3522, 48.8566, "Paris", 4.3517, 50.8503, "Brussels"))
assert 260 < client.geodist("cities", "Paris", "Brussels", unit="km") < 270
client.pfadd("visitors", *range(1000))
assert 950 < client.pfcount("visitors") < 1050
assert client.info("server")["redis_mode"] == "standalone"
print("OK")
