-- Tries every command that the other scripts use on a key that holds nothing else, and says which the user may not run.
-- KEYS  the probe
local key, denied = KEYS[1], {}
local function try(...)
  local command = ...
  local reply = redis.pcall(...)
  if type(reply) == 'table' and reply.err then
    denied[#denied + 1] = command
    denied[#denied + 1] = reply.err
  end
end
try('UNLINK', key)
for _, command in ipairs({
  {'SETNX', key, 'v'}, {'GET', key}, {'EXISTS', key}, {'DEL', key},
  {'HSET', key, 'f', 'v'}, {'HMGET', key, 'f'}, {'HGET', key, 'f'}, {'HLEN', key}, {'HDEL', key, 'f'}, {'DEL', key},
  {'RPUSH', key, 'v', 'v'}, {'LPUSH', key, 'v'}, {'LINDEX', key, 0}, {'LRANGE', key, 0, 0}, {'LTRIM', key, 0, 1}, {'RPOP', key, 1}, {'DEL', key},
  {'ZADD', key, 1, 'm'}, {'ZCARD', key}, {'ZSCORE', key, 'm'}, {'ZCOUNT', key, 0, 1}, {'ZRANGEBYSCORE', key, 0, 1}, {'ZRANGEBYLEX', key, '-', '+'}, {'ZREM', key, 'm'}, {'DEL', key},
  {'SADD', key, 'm'}, {'SMEMBERS', key}, {'DEL', key},
}) do try(unpack(command)) end
return denied
