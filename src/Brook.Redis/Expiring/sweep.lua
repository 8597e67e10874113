-- Removes entries that have expired, with their logs, and says how many.
-- KEYS  entries, index, expiries   ARGV  now in milliseconds, how many at most, what the names of the logs begin with
local call = redis.call
local gone = call('ZRANGEBYSCORE', KEYS[3], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
for _, key in ipairs(gone) do
  call('UNLINK', ARGV[3] .. key)
  call('HDEL', KEYS[1], key)
  call('ZREM', KEYS[2], key)
  call('ZREM', KEYS[3], key)
end
return #gone
