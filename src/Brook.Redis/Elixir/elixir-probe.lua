-- Tries what elixir-commit.lua and the reads do beyond the native layout, on keys that nobody sees, and says which the user may not run.
-- KEYS  a state, a log: where Elixir's own are
local denied = {}
local function try(...)
  local command = ...
  local reply = redis.pcall(...)
  if type(reply) == 'table' and reply.err then
    denied[#denied + 1] = command
    denied[#denied + 1] = reply.err
  end
end
local state, log = KEYS[1], KEYS[2]
for _, command in ipairs({
  {'UNLINK', state}, {'UNLINK', log},
  {'SET', state, 'v', 'PX', '1000'}, {'GET', state}, {'MGET', state}, {'TYPE', state}, {'EXISTS', state}, {'UNLINK', state},
  {'RPUSH', log, 'v'}, {'LREM', log, 0, 'w'}, {'LTRIM', log, -1, -1}, {'LRANGE', log, 0, -1}, {'UNLINK', log},
  {'SCAN', '0', 'MATCH', state, 'COUNT', '1'},
}) do try(unpack(command)) end
return denied
