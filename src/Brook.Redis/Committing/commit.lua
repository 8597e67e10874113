-- One commit: every check first, then every write, the first collection of the commit last: a commit whose first entry is there is there whole. docs/redis-layout.md has the layout; CommitCall.cs writes the arguments in the order they are read here.
--
-- KEYS  1: the data's id, 2: the set of collections with entries that end; then, per collection: entries (hash), index (sorted set by key), expiries (sorted set by time), and the logs (lists) that are appended to,
--       renewed and removed
-- ARGV  1: the data's id as it must be, 2: now in milliseconds, 3: the command that tells of changed lanes (PUBLISH, SPUBLISH; empty: none does), 4: the number of collections; then, per collection: the numbers of its checks, puts, puts that may be
--       new, deletes and expiring puts, the shapes of its appends and of its renewed logs (12 bytes for logs alike that follow each other: how many logs, how many
--       records each, how many of a type may stay), the number of its removed logs, the beginning of its logs' names, its own name; then the checks' fields and their versions, puts (field, value), puts that may be new, deletes' fields,
--       expiring puts (time, field), records
local K, A, call, try = KEYS, ARGV, redis.call, redis.pcall
local byte, sub, min, max, floor, unpack, tonumber = string.byte, string.sub, math.min, math.max, math.floor, unpack, tonumber
local CHUNK = 4000                              -- how many arguments a call may have
local now = tonumber(A[2])

local function each(name, key, from, to)
  local sum = 0
  for s = from, to, CHUNK do sum = sum + call(name, key, unpack(A, s, min(s + CHUNK - 1, to))) end
  return sum
end

-- Format 17 is a value with an end. Past its end it is missing.
local function there(v)
  if byte(v, 9) == 17 and (tonumber(sub(v, 10, 24)) or now + 1) <= now then return nil end
  return v
end

local function number(s, i)
  local a, b, c, d = byte(s, i, i + 3)
  return ((a * 256 + b) * 256 + c) * 256 + d
end

-- Calls for each log of a shape: its key, its first record, how many it has, how many of a type may stay. A value that it gives ends it.
local function logs(shape, key, at, visit)
  for s = 1, #shape, 12 do
    local n, keep = number(shape, s + 4), number(shape, s + 8)
    for _ = 1, number(shape, s) do
      local over = visit(K[key], at, n, keep)
      if over then return over end
      key, at = key + 1, at + n
    end
  end
end

-- The key and the argument that come behind the logs of a shape.
local function behind(shape, key, at)
  for s = 1, #shape, 12 do
    local count = number(shape, s)
    key, at = key + count, at + count * number(shape, s + 4)
  end
  return key, at
end

-- Drops the records that newer ones of their type leave no room for. A record: length of the type (2 bytes), how many of the type may stay (4 bytes), type, event.
-- A list that was cut begins with a mark: 2 bytes of 255, then the length at which to cut again, so that many appends share the work.
local function cut(key, keep)
  local all = call('LRANGE', key, 0, -1)
  local first = byte(all[1], 1) == 255 and 2 or 1
  local kept, room, oldest = {}, {}, #all + 1
  for i = #all, first, -1 do
    local r = all[i]
    local left = 0                              -- what another program put there stays
    if #r >= 6 and #r >= 6 + byte(r, 1) * 256 + byte(r, 2) then
      local t = sub(r, 7, 6 + byte(r, 1) * 256 + byte(r, 2))
      left = min(number(r, 3), room[t] or 4294967295) - 1
      room[t] = left
    end
    if left >= 0 then
      kept[#kept + 1] = r
      oldest = i
    end
  end
  if #all - oldest + 1 == #kept then            -- only the oldest go
    call('LTRIM', key, oldest - 1, -1)
  else
    call('DEL', key)
    for s = #kept, 1, -CHUNK do
      local part = {}
      for i = s, max(s - CHUNK + 1, 1), -1 do part[#part + 1] = kept[i] end
      call('RPUSH', key, unpack(part))
    end
  end
  call('LPUSH', key, '\255\255' .. (#kept + 1 + max(keep, floor(#kept / 2))))
end

local data = call('GET', K[1]) or ''
if data ~= A[1] then return {'LOST', data} end

-- Checks.
local groups, conflicts, k, p = {}, nil, 3, 5
for g = 1, tonumber(A[4]) do
  local o = {state = K[k], index = K[k + 1], expiries = K[k + 2], appends = k + 3}
  local checks, puts, fresh, deletes, ending = tonumber(A[p]), tonumber(A[p + 1]), tonumber(A[p + 2]), tonumber(A[p + 3]), tonumber(A[p + 4])
  o.shape, o.renewals, o.removed, o.prefix = A[p + 5], A[p + 6], tonumber(A[p + 7]), A[p + 8]
  o.name, o.fresh, o.deletes, o.ending = A[p + 9], fresh, deletes, ending
  p = p + 10
  if checks == 0 then
    local r = try('HLEN', o.state)
    if type(r) == 'table' then return {'FAILED', o.state, r.err} end
  end
  for s = 0, checks - 1, CHUNK do
    local n = min(CHUNK, checks - s)
    local found = try('HMGET', o.state, unpack(A, p + s, p + s + n - 1))
    if found.err then return {'FAILED', o.state, found.err} end
    for i = 1, n do
      local v, x = found[i], A[p + checks + s + i - 1]
      if (v and sub(v, 1, 9) or '') ~= x then
        v = v and there(v)
        if (v and sub(v, 1, 8) or '') ~= sub(x, 1, 8) then
          conflicts = conflicts or {'CONFLICT'}
          local c = #conflicts
          conflicts[c + 1], conflicts[c + 2], conflicts[c + 3] = g - 1, s + i - 1, v or false
        end
      end
    end
  end
  o.expires = ending > 0 or ((puts > 0 or fresh > 0 or deletes > 0) and call('EXISTS', o.expiries) == 1)
  if fresh > 0 or deletes > 0 or o.expires then
    local r = try('ZCARD', o.index)
    if type(r) == 'table' then return {'FAILED', o.index, r.err} end
  end
  p = p + 2 * checks
  o.puts, o.putsEnd = p, p + 2 * puts - 1
  p = p + 2 * puts
  o.freshPuts, o.freshEnd = p, p + 2 * fresh - 1
  p = p + 2 * fresh
  o.gone, o.goneEnd = p, p + deletes - 1
  p = p + deletes
  o.ends = p
  p = p + 2 * ending
  o.records = p
  o.renewed, o.renewedRecords = behind(o.shape, o.appends, o.records)
  o.removedLogs, p = behind(o.renewals, o.renewed, o.renewedRecords)
  k = o.removedLogs + o.removed
  if o.expires then
    local r = try('ZCARD', o.expiries)
    if type(r) == 'table' then return {'FAILED', o.expiries, r.err} end
  end
  groups[g] = o
end
if conflicts then return conflicts end

-- Rights may be taken away while the application runs: what the writes need is asked before the first of them, where the server can be asked (Redis 7).
local may = redis.acl_check_cmd
if may and groups[1] then                       -- all keys begin alike, so the first collection's stand for the others
  local o = groups[1]
  local log = o.prefix .. 'x'
  for _, command in ipairs({
    {'HSET', o.state, 'f', 'v'}, {'HDEL', o.state, 'f'}, {'ZADD', o.index, 0, 'm'}, {'ZREM', o.index, 'm'}, {'ZADD', o.expiries, 0, 'm'}, {'ZREM', o.expiries, 'm'}, {'SADD', K[2], 'm'},
    {'ZRANGEBYSCORE', o.expiries, 0, 0}, {'ZSCORE', o.expiries, 'm'}, {'RPUSH', log, 'v'}, {'RPOP', log, 1}, {'UNLINK', log}, {'DEL', log}, {'LRANGE', log, 0, 0}, {'LINDEX', log, 0}, {'LTRIM', log, 0, 0}, {'LPUSH', log, 'v'},
  }) do
    if not may(unpack(command)) then return {'FAILED', command[2], 'NOPERM this user has no permissions to run the \'' .. string.lower(command[1]) .. '\' command on ' .. command[2]} end
  end
end

-- Which collections have entries that end, for those who free them. One more than there are does no harm, so this may come before everything.
for _, o in ipairs(groups) do
  local r = o.ending > 0 and try('SADD', K[2], o.name)
  if type(r) == 'table' then return {'FAILED', K[2], r.err} end
end

-- Writes. What has expired goes first: it is missing already, so this changes nothing that anybody sees.
for _, o in ipairs(groups) do
  if o.expires then
    local function forget(field)
      call('UNLINK', o.prefix .. field)
      call('HDEL', o.state, field)
      call('ZREM', o.index, field)
      call('ZREM', o.expiries, field)
    end
    for _, field in ipairs(call('ZRANGEBYSCORE', o.expiries, '-inf', now, 'LIMIT', 0, 100)) do forget(field) end
    for i = o.freshPuts, o.freshEnd, 2 do
      local ends = call('ZSCORE', o.expiries, A[i])
      if ends and tonumber(ends) <= now then forget(A[i]) end
    end
  end
end

-- Appends can be taken back, so a log of a wrong type is found out by appending to it.
local lengths = {}                              -- of logs that may be too long now
local function append(key, at, n, keep)
  local r = n == 1 and try('RPUSH', key, A[at]) or try('RPUSH', key, unpack(A, at, at + min(n, CHUNK) - 1))
  if type(r) == 'table' then return {'FAILED', key, r.err} end
  if n > CHUNK then
    each('RPUSH', key, at + CHUNK, at + n - 1)
    r = r + n - CHUNK
  end
  if keep > 0 and r > keep then lengths[key] = r end
end
local function takeBack(failed)
  local function pop(key, _, n)
    if key == failed then return true end
    call('RPOP', key, n)
  end
  for _, o in ipairs(groups) do
    if logs(o.shape, o.appends, o.records, pop) then return end
  end
end
for _, o in ipairs(groups) do
  local failure = logs(o.shape, o.appends, o.records, append)
  if failure then
    takeBack(failure[2])
    return failure
  end
end

local function write(o)
  each('HSET', o.state, o.puts, o.putsEnd)
  if o.fresh > 0 and each('HSET', o.state, o.freshPuts, o.freshEnd) > 0 then
    for s = o.freshPuts, o.freshEnd, CHUNK do
      local members = {}
      for i = s, min(s + CHUNK - 1, o.freshEnd), 2 do
        members[#members + 1] = 0
        members[#members + 1] = A[i]
      end
      call('ZADD', o.index, unpack(members))
    end
  end
  if o.deletes > 0 then
    each('HDEL', o.state, o.gone, o.goneEnd)
    each('ZREM', o.index, o.gone, o.goneEnd)
  end
  if o.expires then
    for i = o.puts, o.freshEnd, 2 do call('ZREM', o.expiries, A[i]) end
    each('ZREM', o.expiries, o.gone, o.goneEnd)
    each('ZADD', o.expiries, o.ends, o.ends + 2 * o.ending - 1)
  end
  for l = o.removedLogs, o.removedLogs + o.removed - 1 do call('UNLINK', K[l]) end
  logs(o.renewals, o.renewed, o.renewedRecords, function(key, at, n, keep)
    call('UNLINK', key)
    each('RPUSH', key, at, at + n - 1)
    if keep > 0 and n > keep then lengths[key] = n end
  end)
end
for g = #groups, 1, -1 do
  local written, failure = pcall(write, groups[g])
  if not written then                           -- nothing that was checked: the caller must not take what is there for the commit
    takeBack()
    return {'FAILED', groups[g].state, type(failure) == 'table' and failure.err or tostring(failure)}
  end
end

-- All is there. Who waits for a lane on another node is told (RedisNames.ChannelOf); should that fail, it is not the commit's failure.
if A[3] ~= '' then
  for _, o in ipairs(groups) do
    if o.name == '$lanes' then
      local channel = sub(K[1], 1, -3) .. 'lane:'
      for i = o.puts, o.freshEnd, 2 do try(A[3], channel .. A[i], '') end
      for i = o.gone, o.goneEnd do try(A[3], channel .. A[i], '') end
    end
  end
end

-- A log that stays too long is read as its limits say, and cut another time.
local function cutLong(key, _, _, keep)
  local length = lengths[key]
  if not length then return end
  local mark = call('LINDEX', key, 0)
  if byte(mark, 1) ~= 255 or length > (tonumber(sub(mark, 3)) or 0) then cut(key, keep) end
end
if next(lengths) then
  for _, o in ipairs(groups) do
    logs(o.shape, o.appends, o.records, cutLong)
    logs(o.renewals, o.renewed, o.renewedRecords, cutLong)
  end
end
return 1
