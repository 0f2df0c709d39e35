/**
 * Scripts whose replies must be Redis's, one a line; `|` in a shebang line ends it. They may depend on the ones before, as by
 * a setting of cjson.
 */
export const SCRIPTS: readonly string[] = String.raw`
error('abc',0)
return redis.call('nosuch')
return redis.call('subscribe','x')
return redis.call()
return redis.call({})
return redis.pcall({})
redis.call('lpush')
return redis.error_reply('foo')
return redis.error_reply('FOO bar')
return redis.error_reply('-FOO bar')
return redis.error_reply('FOO bar\r\n')
return redis.error_reply('')
return redis.error_reply(1)
return redis.error_reply()
return redis.status_reply('x')
return redis.status_reply('x\r\ny')
return {err='a b'}
return {err='ab'}
return {err=''}
return {ok='a b'}
return {ok=1}
return 3.99
return -3.99
return 1e300
return -1e300
return 0/0
return 2^53
return 2^62
return 2^63
return {1,2,nil,3}
return {nil,1}
return {}
return {{},{{}}}
return {map={a=1}}
return {set={a=true}}
return {big_number='123'}
return {big_number='12\r\n3'}
return {verbatim_string={format='txt',string='hello'}}
return {verbatim_string={format='txt'}}
return {verbatim_string=1,2,3}
return {double='x'}
return true
return false
return nil
return
return 1,2,3
return 'a\0b'
return redis.sha1hex()
return redis.sha1hex('')
return redis.sha1hex(1)
return redis.sha1hex({})
coroutine.yield()
return pcall(coroutine.yield)
return {pcall(coroutine.yield)}
return tostring(coroutine.running())
return coroutine.wrap(function() return redis.call('ping') end)()
local c=coroutine.create(function(a) local b=coroutine.yield(a+1) return b*2 end) local _,x=coroutine.resume(c,1) local _,y=coroutine.resume(c,10) return {x,y,coroutine.status(c)}
return function() end
return {1,{err='x y'},3}
goto
local a = = 1
return redis.log(1)
return redis.log(10,'x')
return redis.log(-1,'x')
return redis.log('a','x')
return redis.log('1','x')
return redis.log(redis.LOG_NOTICE,'hello',1,{},'x')
return redis.setresp(4)
return redis.setresp()
return redis.setresp('3')
return redis.set_repl(9)
return redis.set_repl()
return redis.set_repl(redis.REPL_NONE)
return redis.acl_check_cmd('get','x')
return redis.acl_check_cmd('nosuch','x')
return redis.acl_check_cmd()
return redis.acl_check_cmd({})
return redis.breakpoint()
return redis.debug('x')
return redis.replicate_commands()
return math.random(0)
return math.random(1,2,3)
math.randomseed(5) return {tostring(math.random()),math.random(100),math.random(-5,5)}
math.randomseed(0) local t={} for i=1,50 do t[i]=math.random(1,1000000) end return t
math.randomseed(2^31+5) return tostring(math.random())
math.randomseed(-7) return tostring(math.random())
math.randomseed(1) return math.random(2^31-1)
math.randomseed(1) return math.random(2^31)
#!lua flags=no-writes|return redis.call('set','x','y')
#!lua flags=no-writes,allow-stale|return redis.call('get','x')
#!lua flags=foo|return 1
#!lua flags=|return 1
#!lua  flags=|return 1
#!lua foo|return 1
#!js|return 1
#!lua name=x|return 1
#!lua
#!lua|error('x')
return redis.pcall('get')
return {redis.pcall('nosuch').err}
return redis.call('set','x')
redis.call('set','x','abc') redis.call('incr','x')
redis.call('set','x','abc') return redis.pcall('incr','x')
local r = redis.pcall('incr','x') return r.err
return redis.call('eval','return 1',0)
return error()
error(nil)
error(true)
error(5)
local a,b = pcall(redis.call,'nosuch') return {type(b),b}
local a,b = xpcall(function() return redis.call('nosuch') end, function(e) return type(e) end) return b
local a,b = pcall(error,{x=1}) return type(b)
local a,b = pcall(error,{err='zz'}) return b
local a,b = pcall(error) return {tostring(a),tostring(b)}
return {pcall(function(...) return ... end,1,2,3)}
x=1
return rawset(_G,'a',1)
string.len=1
string.foo=1
redis.call=nil
setmetatable(_G,{})
setmetatable(string,{})
getmetatable('').__index=1
return type(getmetatable('').__index)
return type(getmetatable(_G))
getmetatable(_G).__index=nil
return tostring(getmetatable(redis))
return redis.foo
return string.foo
return foo
return _G.foo
return rawget(_G,'foo')
return type(rawget(_G,'redis'))
return type(rawget(_G,'KEYS'))
_G.x=1
KEYS=1
KEYS[1]='a' return KEYS[1]
return #ARGV
return tostring(_G._G==_G)
local t={} for k,v in pairs(math) do t[#t+1]=k end table.sort(t) return t
local t={} for k,v in pairs(cjson) do t[#t+1]=k end table.sort(t) return t
return type(next(redis))
return next({})
return tostring(next({5}))
local n=0 for k in next,redis do n=n+1 end return n>5
return pairs(nil)
for k in pairs(nil) do end
for k in ipairs(nil) do end
return next()
return next({},1)
return setmetatable(1,2)
return setmetatable({},2)
return setmetatable({})
return getmetatable()
local t=setmetatable({},{__metatable=1}) setmetatable(t,{})
return getmetatable(setmetatable({},{__metatable=7}))
return setmetatable({},{__index=function(t,k) return k..'!' end}).foo
return tostring(setmetatable({},{__tostring=function() return 'ts' end}))
return rawget(1)
return rawget({})
return rawget({a=5},'a')
return rawset({},nil,1)
return rawset({},'a',1).a
return rawequal(1,1)
return loadstring()
return load(1)
return loadstring('return 1+1')()
return loadstring('return ...')(7)
return loadstring('x x')
local f,e=loadstring('x x') return e
local f,e=loadstring('x x','=nm') return e
local f,e=loadstring('x x','@nm') return e
local f,e=loadstring(string.dump(function() end)) return e
local f,e=loadstring(string.dump(function() end),'@zz') return e
local i=0 return load(function() i=i+1 if i==1 then return 'return ' elseif i==2 then return '42' end end)()
local f,e=load(function() return 'x x' end) return e
local n=0 local f,e=load(function() n=n+1 if n<3 then return 'x ' end end) return e
local n=0 local f,e=load(function() n=n+1 if n<3 then return 'x ' end end,'@nn') return e
loadstring('foo=1')()
return loadstring('return foo')()
return unpack({1,2,3})
return {unpack({1,2,3},2)}
return {select('#',1,nil,nil)}
return {select(-1,1,2,3)}
return select('x')
return tonumber('10',2)
return tonumber('zz',36)
return tonumber('ffffffffff',16)
return tonumber('0xff',16)
return tonumber(' 7f ',16)
return tonumber('-ff',16)
return tonumber('8',8)
return tonumber('',16)
return tonumber('0x10')
return tonumber('1e2')
return tonumber(' 12 ')
return tonumber('12a')
return tonumber({})
return tonumber()
return tonumber(nil)
return tonumber('10',99)
return tonumber(10,16)
return tonumber({},16)
return tonumber('99999999999999999999999',10)
return tonumber('ffffffffffffffffffffff',16)
return {tostring(1e15),tostring(1e14),tostring(1e100),tostring(-0),tostring(0.1),tostring(1/3),tostring(2^53),tostring(1/0),tostring(-1/0)}
return tostring(nil)
return tostring()
return type()
return type(nil)
return assert(false)
return assert(nil,'msg')
return assert(1,2)
return assert(false,{err='E x'})
return collectgarbage('count')>0
return collectgarbage('step')
return collectgarbage('foo')
return string.rep('ab',3)
return string.rep('x',-1)
return string.rep('x',0)
return string.rep('',100)
return string.rep()
return string.rep('x')
return string.rep('x','a')
return #string.rep('abc',100000)
return ('x'):rep(5)
return ('%d'):format(5)
return string.format()
return string.format('%d')
return string.format('%d','x')
return string.format('%d','10')
return string.format('%d',3.7)
return string.format('%d',-3.7)
return string.format('%d',1700000000123)
return string.format('%d',2^53)
return string.format('%d',2^63)
return string.format('%d',-2^63)
return string.format('%d',1e300)
return string.format('%5d|%-5d|%05d|%+d|% d|%.3d|%8.3d|%-8.3d|',42,42,42,42,42,42,42,42)
return string.format('%5d|%-5d|%05d|%+d|% d|%.3d|%8.3d|%.0d|',-42,-42,-42,-42,-42,-42,-42,0)
return string.format('%i',42)
return string.format('%u',42)
return string.format('%u',-1)
return string.format('%x|%X|%#x|%o|%#o|%08x|%#X',255,255,255,8,8,255,255)
return string.format('%x',-1)
return string.format('%x',2^40+10)
return string.format('%#x',0)
return string.format('%c%c',65,66)
return string.format('%c',0)
return #string.format('%c',0)
return string.format('%5c|%-5c|',65,66)
return string.format('%e|%E|%f|%g|%G|%10.3f|%-10.2e|%+g',1.5,1.5,1.5,1.5,1e20,3.14159,314.159,5)
return string.format('%g',0/0)
return string.format('%f',1/0)
return string.format('%q','a"b\\c\nd\re\0f')
return string.format('%s|%5s|%-5s|%.2s|%5.1s','a','b','c','def','ghi')
return string.format('%s','a\0b')
return string.format('%s',string.rep('x',150)..'\0b')
return string.format('%.200s','x')
return string.format('%5s',string.rep('y',150))
return string.format('%s',1.5)
return string.format('%s',{})
return string.format('%s',nil)
return string.format('%%')
return string.format('%5%')
return string.format('%y')
return string.format('%')
return string.format('abc%')
return string.format('%-+ #0-d',1)
return string.format('%100d',1)
return string.format('%.100d',1)
return string.format('a\0b%d',5)
return ('hello world'):find('o w')
return {('hello world'):find('(o)%s(w)')}
return {('hello'):gsub('l','L')}
return {('hello'):gsub('.',{h='H'})}
return {('hello'):gsub('.',function(c) return c:upper() end)}
return ('abc'):upper()
return {('a,b,c'):match('(%a),(%a)')}
local t={} for w in ('a b c'):gmatch('%a') do t[#t+1]=w end return t
return ('x'):bad()
return {string.byte('abc',1,-1)}
return string.char(65,66)
return string.char(300)
return table.concat({1,2,3},',')
return table.concat({1,{},3},',')
local t={3,1,2} table.sort(t) return t
local t={3,1,2} table.sort(t,function(a,b) return a>b end) return t
local t={3,1,'x'} table.sort(t) return t
local t={1,2} table.insert(t,3) table.insert(t,1,0) return t
local t={1,2,3} return {table.remove(t),table.remove(t,1),#t}
return table.getn({1,2})
return table.maxn({[10]=1})
table.foreach({1},function(k,v) end) return 1
return {math.floor(1.5),math.ceil(1.5),math.abs(-1),math.max(1,2),math.min(1,2),math.fmod(7,3),math.pow(2,3),math.sqrt(16)}
return {tostring(math.sin(1)),tostring(math.exp(1)),tostring(math.log(10)),tostring(math.log10(100)),tostring(math.pi),tostring(math.huge)}
return {math.modf(3.7)}
return {math.frexp(8)}
return 5 % 3
return -5 % 3
return 5 % -3
return tostring(5 % 0)
return 2^0.5*100
return 10/2
return '10'+5
return 10 ..''
return 'a'+1
return {}+1
return nil..'x'
return #nil
return (nil)()
return nil.x
local a a.b=1
local a={} a.b.c=1
return redis.nosuch()
return 1<'x'
return {}<{}
local function f() return 1+f() end return f()
return #{1,2,3,nil,5}
return struct.size('s')
return struct.size('c0')
return struct.pack('z',1)
return struct.pack('!3i',1)
return struct.pack('i33',1)
return struct.pack('i32',1)
return struct.pack('i32',-2)
return struct.pack('>i12',-2)
return {struct.unpack('i32',struct.pack('i32',-2))}
return {struct.unpack('I32',struct.pack('i32',-2))}
return {struct.unpack('i3',struct.pack('i3',-2))}
return {struct.unpack('>i12',string.rep('\255',12))}
return struct.pack('!16i16b',1,2)
return struct.pack('l',0/0)
return {tostring(0/0),tostring(-(0/0))}
return struct.pack('i3',-2)
return struct.pack('>I3',500000)
return struct.pack('<I3',500000)
return struct.pack('!4hi3i',1,2,3)
return {struct.unpack('i16',struct.pack('i16',-5))}
return {struct.unpack('i','abcd',0)}
return {struct.unpack('i','abcd',9)}
return {struct.unpack('s','abcd')}
return {struct.unpack('s','ab\0cd\0')}
return {struct.unpack('ss','ab\0cd\0')}
return struct.pack('c5','abc')
return struct.pack('c3s','abcdef','x')
return struct.pack('i','x')
return struct.pack('l',2^63)
return struct.pack('l',-2^70)
return struct.pack('l',2^70)
return struct.pack('bBhHlLiIfdxs',1,2,3,4,5,6,7,8,1.5,2.5,'str')
return {struct.unpack('bBhHlLiIfdxs',struct.pack('bBhHlLiIfdxs',-1,200,-3,40000,-5,6,-7,8,1.5,2.5,'str'))}
return tostring(struct.unpack('I8',string.rep('\255',8)))
return struct.unpack('i8',string.rep('\255',8))
return struct.unpack('bc0','\2abc')
return struct.unpack('bc0','\5abc')
return struct.unpack('c0','abc')
return struct.pack()
return struct.pack('f',1e300)
return struct.pack('>d',1.5)
return struct.size('!16d')
return struct.size('!8bd')
return struct.size('bhil')
return struct.size('!bhil')
return struct.pack('I99999999999',1)
return bit.tohex(255,-4)
return bit.tohex(255,4)
return bit.tohex(-1)
return bit.tohex(255,20)
return bit.tohex(255,0)
return bit.band()
return bit.band('x')
return bit.band('7',3)
return {bit.band(7,3),bit.bor(1,2,4),bit.bxor(5,1),bit.bnot(0),bit.lshift(1,31),bit.rshift(-1,4),bit.arshift(-16,2),bit.rol(0x12345678,4),bit.ror(0x12345678,4),bit.bswap(0x12345678),bit.tobit(2^32+5),bit.tobit(1.5),bit.tobit(2.5),bit.tobit(-1)}
return {bit.lshift(1,32),bit.lshift(1,33),bit.rol(1,0),bit.ror(1,32)}
return bit.tobit(2^53)
return bit.tobit(1e20)
return cmsgpack.pack()
return cmsgpack.unpack(1)
return cmsgpack.unpack({})
return {cmsgpack.unpack_one('\1\2')}
return {cmsgpack.unpack_limit('\1\2\3',2)}
return {cmsgpack.unpack_limit('\1\2\3',2,1)}
return {cmsgpack.unpack_limit('\1',0)}
return cmsgpack.unpack('')
return {cmsgpack.unpack_one('\1', 5)}
return {cmsgpack.unpack_one('\1', -1)}
return {cmsgpack.unpack('\200')}
return cmsgpack.unpack('\193')
return cmsgpack.unpack('\162a')
return cmsgpack.unpack('\146\1')
return cmsgpack.pack(1,2,'x',true,false,nil,{1,2},{a=1})
return cmsgpack.pack({},{[1]=1,[2]=2},{[2]=1},{[1.5]=2},{['1']=5})
return cmsgpack.pack(0,127,128,255,256,65535,65536,2^32-1,2^32,2^53,-1,-32,-33,-128,-129,-32768,-32769,-2^31,-2^31-1,-2^53)
return cmsgpack.pack(1.5,0.1,1e300,2^63,-2^63,2^64,1/0,-1/0)
return cmsgpack.pack(string.rep('a',31),string.rep('b',32),string.rep('c',255),string.rep('d',256))
return #cmsgpack.pack(string.rep('x',70000))
local t={} for i=1,20 do t[i]=i end return cmsgpack.pack(t)
local t={} local c=t for i=1,20 do c[1]={} c=c[1] end return cmsgpack.pack(t)
local t={} t.x=t return cmsgpack.pack(t)
return {cmsgpack.unpack(cmsgpack.pack(1,-1,127,128,-33,-129,70000,-70000,'abc',{1,2,{3}}))}
return {tostring(cmsgpack.unpack(cmsgpack.pack(1.5))),tostring(cmsgpack.unpack(cmsgpack.pack(0.1))),tostring(cmsgpack.unpack(cmsgpack.pack(2^40))),tostring(cmsgpack.unpack(cmsgpack.pack(-2^40)))}
return cmsgpack.unpack('\145\193')
return cmsgpack.unpack('\129\192\1')
return cjson.encode({[1]=1,[100]=2})
return cjson.encode({[1]=1,[2]=2,[4]=4})
return cjson.encode({[1]=1,[11]=2})
return cjson.encode({1,2,x=3})
return cjson.encode({[0]=1})
return cjson.encode({[1.5]=1})
return cjson.encode({[-1]=1})
return cjson.encode({[true]=1})
return cjson.encode(0/0)
return cjson.encode(1/0)
return cjson.encode(function() end)
return cjson.encode({function() end})
return cjson.encode(cjson.null)
return cjson.encode({cjson.null,1})
return cjson.encode({})
return cjson.encode({{}})
return cjson.encode('a"b\\c/d\n\r\t\b\f\1\127\200')
return cjson.encode({1,1.5,0.1,1e15,1e14,123456789012345,12345678901234,1/3,-0,1e300,1e-5,100000})
return cjson.encode(true)
return cjson.encode('x')
return cjson.encode()
return cjson.encode(1,2)
local t={} t[1]=t return cjson.encode(t)
cjson.encode_max_depth(3) local ok,e=pcall(cjson.encode,{{{{1}}}}) cjson.encode_max_depth(1000) return e
cjson.encode_number_precision(3) local s=cjson.encode({1/3,1234,12345,0.00001}) cjson.encode_number_precision(14) return s
return cjson.encode_number_precision(17)
return cjson.encode_number_precision(0)
return cjson.encode_number_precision()
return cjson.encode_number_precision('x')
return cjson.encode_max_depth()
return cjson.encode_max_depth(0)
return cjson.decode_max_depth()
return {cjson.encode_sparse_array()}
return {cjson.encode_sparse_array(true,3,5)}
return cjson.encode({[1]=1,[100]=2})
return {cjson.encode_sparse_array(false,2,10)}
return cjson.encode_sparse_array('x')
return cjson.encode_sparse_array(1,2,3,4)
return cjson.encode_sparse_array(true,-1)
return cjson.encode_sparse_array(false,2,10)
return cjson.encode_keep_buffer()
return cjson.encode_keep_buffer('off')
return cjson.encode_keep_buffer(true)
return cjson.encode_invalid_numbers()
return cjson.encode_invalid_numbers('null')
return cjson.encode({0/0,1/0,-1/0})
return cjson.encode_invalid_numbers(true)
return cjson.encode({1/0,-1/0})
return cjson.encode_invalid_numbers('zzz')
return cjson.encode_invalid_numbers('off')
return cjson.decode_invalid_numbers()
return cjson.decode_invalid_numbers(false)
return cjson.decode('[0x10]')
return cjson.decode('[01]')
return cjson.decode('[nan]')
return cjson.decode('[+1]')
return cjson.decode_invalid_numbers('on')
return cjson.decode('[0x10,01,1e2,1.5,-3,0x1.8p1,1.,12345678901234567890]')
return {tostring(cjson.decode('[inf]')[1]),tostring(cjson.decode('[-Infinity]')[1])}
return cjson.decode('{"a":')
return cjson.decode('')
return cjson.decode('{}')
return cjson.decode('[]')
return cjson.decode('[1,2')
return cjson.decode('[1,]')
return cjson.decode('{"a":1,}')
return cjson.decode('{"a"}')
return cjson.decode('{a:1}')
return cjson.decode('{1:1}')
return cjson.decode('[1 2]')
return cjson.decode('1 2')
return cjson.decode('nul')
return cjson.decode('true')
return tostring(cjson.decode('null'))
return tostring(cjson.decode('null')==cjson.null)
return cjson.decode('"a\\u00e9\\n\\/"')
return cjson.decode('"\\ud83d\\ude00"')
return cjson.decode('"\\ud83d"')
return cjson.decode('"\\ude00"')
return cjson.decode('"\\ud83dx"')
return cjson.decode('"\\ud83d\\u0041"')
return cjson.decode('"\\u12"')
return cjson.decode('"\\x"')
return cjson.decode('"abc')
return cjson.decode('"a\nb"')
return cjson.decode('"\\u0000"')
return cjson.decode('"\\u07ff\\u0800\\uffff"')
return cjson.decode('  [1 , 2 ]  ')
return cjson.decode('\0a')
return cjson.decode('a\0')
return cjson.decode('1\0')
return cjson.decode('[1]\0junk')
return cjson.decode('#')
return cjson.decode('-')
return cjson.decode('-x')
return cjson.decode('1e')
return cjson.decode('1e5x')
return cjson.decode('.5')
return cjson.decode('[1.5e3]')
return cjson.decode({})
return cjson.decode(12)
return cjson.decode('{"a":{"b":[1,2,{"c":null}]}}').a.b[2]
cjson.decode_max_depth(2) local ok,e=pcall(cjson.decode,'[[[1]]]') cjson.decode_max_depth(1000) return e
local c=cjson.new() c.encode_max_depth(1) return {cjson.encode_max_depth(),c.encode_max_depth()}
return redis.call('set','a',1.5)
return redis.call('get','a')
return redis.call('set','a',100000000000000000000)
return redis.call('get','b')
return redis.call('set',1,2)
return redis.call('get',1)
return redis.call('mget','a','b','nokey')
redis.setresp(3) return redis.call('get','nokey')
redis.setresp(3) return redis.call('hello','3')
redis.setresp(3) return redis.pcall('config','get','maxmemory')
redis.setresp(3) return redis.call('mget','a','zz')
redis.setresp(3) return true
redis.setresp(3) return {false,nil,1}
return redis.call('config','get','maxmemory')
return redis.call('config')
return redis.call('config','nosuch')
return redis.call('select','1')
redis.call('select','1') redis.call('set','indb1','v') return redis.call('get','indb1')
return redis.call('get','indb1')
return redis.call('multi')
return redis.call('watch','x')
return redis.call('info','nosuch')
return redis.call('client','getname')
return redis.call('client','setname','x')
return redis.call('script','load','return 1')
return redis.call('function','list')
return redis.call('flushall')
return redis.call('lpush','l','x')
return redis.call('get')
return redis.call('GET','x')
return redis.call('quit')
return redis.call('auth','x')
return redis.call('type','x')
return redis.call('object','encoding','x')
return redis.call('keys','*')
return redis.call('randomkey')
return redis.call('dbsize')
return redis.call('echo','a\0b\255')
return redis.call('echo',string.rep('x',100000))
return redis.call('set','k\0\255','v\0\255\r\n')
return redis.call('get','k\0\255')
return redis.call('mset','a',1,'b',2,'c',3,'d',4.5,'e',5,'f',6,'g',7,'h',8,'i',9,'j',10,'k',11,'l2',12,'m',13,'n',14,'o',15,'p',16,'q',17,'r',18,'s',19)
return redis.call('mget','a','d','s','r','q')
return {redis.call('ping'),redis.call('ping','x')}
return redis.call('ping')['ok']
local r=redis.call('ping') r.ok=nil return r
`
  .trim()
  .split('\n')
  .map((line) => (line.startsWith('#!') ? line.replace('|', '\n') : line));
