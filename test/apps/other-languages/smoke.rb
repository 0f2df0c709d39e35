# Speaks to the server as ruby-redis does: PORT; prints OK at the end.
require 'redis'

port = ARGV[0].to_i

def check(is_true, what)
  raise what unless is_true
end

redis = Redis.new(port: port)
redis.flushall
check(redis.set('key', 'value', ex: 100) == 'OK' && redis.get('key') == 'value', 'strings')
check((90..100).cover?(redis.ttl('key')), 'expiry')
check(redis.incrby('count', 5) == 5 && redis.mget('key', 'missing') == ['value', nil], 'more strings')
redis.mapped_hmset('hash', 'a' => 1, 'b' => 2)
check(redis.hgetall('hash') == { 'a' => '1', 'b' => '2' }, 'hashes')
redis.zadd('sorted', [[1, 'one'], [2.5, 'two']])
check(redis.zrange('sorted', 0, -1, with_scores: true) == [['one', 1.0], ['two', 2.5]], 'sorted sets')
check(redis.scan_each(match: 'k*').to_a == ['key'], 'scan')

replies = redis.pipelined { |pipe| 500.times { |number| pipe.set("pipe:#{number}", number) } }
check(replies == ['OK'] * 500, 'pipelines')
check(redis.multi { |transaction| 2.times { transaction.incr('count') } } == [6, 7], 'transactions')
refused = redis.watch('count') do
  Redis.new(port: port).incr('count')
  redis.multi { |transaction| transaction.incr('count') }
end
check(refused.nil?, 'watched transactions')

script = "return redis.call('INCRBY', KEYS[1], ARGV[1])"
check(redis.eval(script, keys: ['scripted'], argv: [3]) == 3, 'scripts')
check(redis.evalsha(redis.script(:load, script), keys: ['scripted'], argv: [4]) == 7, 'scripts by their digest')
begin
  redis.lpush('key', 'x')
  raise 'no WRONGTYPE'
rescue Redis::CommandError => error
  check(error.message.start_with?('WRONGTYPE'), error.message)
end

messages = []
subscriber = Thread.new do
  Redis.new(port: port).subscribe('news') do |on|
    on.message do |_, message|
      messages << message
      Thread.exit
    end
  end
end
sleep 0.01 until redis.publish('news', 'hello') == 1
subscriber.join(10)
check(messages == ['hello'], 'messages')

redis.xgroup(:create, 'stream', 'group', '0', mkstream: true)
ids = Array.new(10) { |number| redis.xadd('stream', { number: number }) }
check(redis.xreadgroup('group', 'me', 'stream', '>', count: 10)['stream'].map(&:first) == ids, 'streams')
check(redis.xack('stream', 'group', *ids) == 10, 'acknowledged entries')
puts 'OK'
