-- A page of keys with their values, at one moment.
-- KEYS  index, entries   ARGV  from, to (as ZRANGEBYLEX has them), how many at most
local keys = redis.call('ZRANGEBYLEX', KEYS[1], ARGV[1], ARGV[2], 'LIMIT', 0, ARGV[3])
if #keys == 0 then return {} end
return {keys, redis.call('HMGET', KEYS[2], unpack(keys))}
