-- One commit in Elixir's layout: every check first, then every write. docs/elixir-layout.md has the layout; ElixirCall.cs writes the arguments in the order they are read here.
--
-- KEYS  1: the data's id, 2: ends (sorted set); then per entry: in a collection of the application state (string), rows (hash), lists to remove, lists to remove elements from,
--       lists to append to; in one of Brook's own entries (hash), index (sorted set), log (list)
-- ARGV  1: the data's id as it must be, 2: now in milliseconds, 3: the commit's version, 4, 5, 6: what the names of states, logs and rows begin with, 7: the command that tells of changed lanes (empty: none does), 8: the number of entries;
--       then per entry: collection, key, action (upper case: the application's), what it must be ('': anything, '0': missing, else a version), and what the action needs
local K, A, call, try = KEYS, ARGV, redis.call, redis.pcall
local sub, find, match, byte, min, unpack, tonumber, sha = string.sub, string.find, string.match, string.byte, math.min, unpack, tonumber, redis.sha1hex
local CHUNK = 4000                              -- how many arguments a call may have
local now, version = tonumber(A[2]), A[3]

local function err(r) return type(r) == 'table' and r.err end

local function notList(key)
  local r = try('TYPE', key)
  if r.err then return r.err end
  if r.ok ~= 'none' and r.ok ~= 'list' then return 'WRONGTYPE Operation against a key holding the wrong kind of value' end
end

-- Whether a state is this entry's: 'a:b:c' is the name of a/b:c and of a:b/c.
local function owned(state, key, json)
  if sub(state, 8, 7 + #json) == json and sub(state, 1, 7) == '{"key":' then return true end
  local ok, d = pcall(cjson.decode, state)
  if not ok or type(d) ~= 'table' then return false end
  local k = d.key
  if k == cjson.null then k = '' end
  return k == key or (type(k) == 'number' and k == tonumber(key)) or (type(k) == 'boolean' and tostring(k) == key)
end

local function typesOf(tail)
  local list, at = {}, 1
  while at <= #tail do
    local colon = find(tail, ':', at, true)
    local n = tonumber(sub(tail, at, colon - 1))
    list[#list + 1] = sub(tail, colon + 1, colon + n)
    at = colon + n + 1
  end
  return list
end

local function push(key, from, n)
  local length = 0
  for s = from, from + n - 1, CHUNK do length = call('RPUSH', key, unpack(A, s, min(s + CHUNK - 1, from + n - 1))) end
  return length
end

local data = call('GET', K[1]) or ''
if data ~= A[1] then return {'LOST', data} end
local r = try('ZCARD', K[2])
if err(r) then return {'FAILED', K[2], r.err} end

-- Checks.
local entries, conflicts, again, taken, k, p = {}, nil, nil, nil, 3, 9
for i = 1, tonumber(A[8]) do
  local o = {collection = A[p], key = A[p + 1], action = A[p + 2]}
  local expected = A[p + 3]
  local current, one, two = '', false, false
  p = p + 4
  if find(o.action, '%l') then                  -- Brook's own
    o.entries, o.index, o.log = K[k], K[k + 1], K[k + 2]
    k = k + 3
    local v, z = try('HGET', o.entries, o.key), try('ZCARD', o.index)
    if err(v) or err(z) then return {'FAILED', err(v) and o.entries or o.index, err(v) or err(z)} end
    if v and not (byte(v, 9) == 17 and tonumber(sub(v, 10, 24)) <= now) then current, one = sub(v, 1, 8), v end
    if o.action == 'p' then
      o.blob, o.drop, o.n, o.records = A[p], A[p + 1] == '1', tonumber(A[p + 2]), p + 3
      p = p + 3 + o.n
    end
    local wrong = notList(o.log)
    if wrong then return {'FAILED', o.log, wrong} end
  else
    o.state, o.rows = K[k], K[k + 1]
    k = k + 2
    local state, row = try('GET', o.state), try('HGET', o.rows, o.key)
    if err(state) or err(row) then return {'FAILED', err(state) and o.state or o.rows, err(state) or err(row)} end
    local json, ambiguous = A[p], A[p + 1] == '1'
    p = p + 2
    local theirs = state and ambiguous and not owned(state, o.key, json)
    if theirs then state = false end
    local hash = state and sha(state)
    local ours = hash and row and sub(row, 17, 56) == hash
    local ends = row and tonumber(sub(row, 57, 71)) or 0
    if state then
      if not ours then
        current = sub(hash, 1, 16)
        if current == '0000000000000000' then current = '0000000000000001' end
      elseif ends == 0 or ends > now then current = sub(row, 1, 16) end
      if current ~= '' then one, two = state, row end
    end
    o.before, o.tail, o.ends, o.theirs = state, row and sub(row, 72) or '', ends, theirs
    if o.action ~= 'C' then
      -- The logs to remove were looked up before: another commit may have begun one since. Logs of an entry that has ended must go as well.
      local seen = A[p]
      o.dropped = seen ~= ''
      if o.dropped then
        if seen ~= '=' .. o.tail then again = again or {'AGAIN'} end
      elseif o.action == 'P' and ends > 0 and (not state or (ours and ends <= now)) then
        again = again or {'AGAIN'}
        again[#again + 1] = i - 1
      end
      o.lists, o.elements = tonumber(A[p + 1]), tonumber(A[p + 2])
      o.firstList, o.firstElement = k, p + 3
      k, p = k + o.lists + o.elements, p + 3 + o.elements
      if o.action == 'P' then
        if theirs then taken = taken or {'TAKEN', i - 1} end
        o.json, o.value, o.until_, o.logs = json, A[p], A[p + 1], {}
        local logs = tonumber(A[p + 2])
        p = p + 3
        for l = 1, logs do
          local log = {list = K[k], type = A[p], keep = tonumber(A[p + 1]), n = tonumber(A[p + 2]), from = p + 3}
          local wrong = notList(log.list)
          if wrong then return {'FAILED', log.list, wrong} end
          o.logs[l] = log
          k, p = k + 1, p + 3 + log.n
        end
      end
    end
  end
  if expected ~= '' and (expected == '0' and '' or expected) ~= current then
    conflicts = conflicts or {'CONFLICT'}
    local c = #conflicts
    conflicts[c + 1], conflicts[c + 2], conflicts[c + 3] = i - 1, one, two
  end
  entries[i] = o
end
if conflicts then return conflicts end
if taken then return taken end
if again then return again end

-- Rights may be taken away while the application runs: what the writes need is asked before the first of them, where the server can be asked (Redis 7).
local may = redis.acl_check_cmd
if may then
  local state, log, rows = A[4] .. 'x', A[5] .. 'x', A[6] .. 'x'
  for _, command in ipairs({
    {'SET', state, 'v', 'PX', '1'}, {'UNLINK', state}, {'RPUSH', log, 'v'}, {'LTRIM', log, 0, 0}, {'LREM', log, 0, 'v'}, {'UNLINK', log}, {'EXISTS', state},
    {'HSET', rows, 'f', 'v'}, {'HDEL', rows, 'f'}, {'HGET', rows, 'f'}, {'ZADD', K[2], 0, 'm'}, {'ZREM', K[2], 'm'}, {'ZRANGEBYSCORE', K[2], 0, 0},
  }) do
    if not may(unpack(command)) then return {'FAILED', command[2], 'NOPERM this user has no permissions to run the \'' .. string.lower(command[1]) .. '\' command on ' .. command[2]} end
  end
end

-- Writes. Some of what has ended goes first: it is missing already. A list that another entry may share stays.
for _, member in ipairs(call('ZRANGEBYSCORE', K[2], '-inf', now, 'LIMIT', 0, 20)) do
  local at = find(member, '\0', 1, true)
  local collection, key = sub(member, 1, at - 1), sub(member, at + 1)
  local name = collection .. ':' .. key
  local row, state = call('HGET', A[6] .. collection, key), try('GET', A[4] .. name)
  if row and not err(state) and (not state or sha(state) == sub(row, 17, 56)) then
    for _, t in ipairs(typesOf(sub(row, 72))) do
      local list, shared = name .. ':' .. t, false
      local colon = find(list, ':', #collection + 2, true)
      while colon do
        shared = shared or (colon ~= #name + 1 and call('EXISTS', A[4] .. sub(list, 1, colon - 1)) == 1)
        colon = find(list, ':', colon + 1, true)
      end
      if not shared then call('UNLINK', A[5] .. list) end
    end
    call('UNLINK', A[4] .. name)
    call('HDEL', A[6] .. collection, key)
  end
  call('ZREM', K[2], member)
end

for _, o in ipairs(entries) do
  if o.action == 'p' then
    if o.drop then call('UNLINK', o.log) end
    call('HSET', o.entries, o.key, o.blob)
    call('ZADD', o.index, 0, o.key)
    push(o.log, o.records, o.n)
  elseif o.action == 'd' then
    call('UNLINK', o.log)
    call('HDEL', o.entries, o.key)
    call('ZREM', o.index, o.key)
  elseif o.action ~= 'c' and o.action ~= 'C' then
    if not o.theirs then                        -- whose the state is, his are the logs
      for l = 0, o.lists - 1 do call('UNLINK', K[o.firstList + l]) end
      for l = 0, o.elements - 1 do call('LREM', K[o.firstList + o.lists + l], 0, A[o.firstElement + l]) end
    end
    local member = o.collection .. '\0' .. o.key
    if o.ends > 0 then call('ZREM', K[2], member) end
    if o.action == 'D' then
      if not o.theirs then call('UNLINK', o.state) end
      call('HDEL', o.rows, o.key)
    else
      local json = o.json                       -- a key that Elixir wrote as a number, true, false or nil stays one
      local token = o.before and match(o.before, '^%s*{%s*"key"%s*:%s*([%w%.%+%-]+)%s*[,}]')
      if token and (token == 'null' and '' or token) == o.key then json = token end
      local state = '{"key":' .. json .. ',"value":' .. o.value .. '}'
      local tail, known = o.dropped and '' or o.tail, {}
      for _, t in ipairs(typesOf(tail)) do known[t] = true end
      for _, log in ipairs(o.logs) do
        local length = push(log.list, log.from, log.n)
        if log.keep > 0 and length > log.keep then call('LTRIM', log.list, -log.keep, -1) end
        if not known[log.type] then tail = tail .. #log.type .. ':' .. log.type end
      end
      call('HSET', o.rows, o.key, version .. sha(state) .. o.until_ .. tail)
      local ends = tonumber(o.until_)
      if ends > 0 then
        call('SET', o.state, state, 'PX', string.format('%.0f', math.max(1, ends - now)))
        call('ZADD', K[2], o.until_, member)
      else
        call('SET', o.state, state)
      end
    end
  end
end

-- Who waits for a lane on another node is told; should that fail, it is not the commit's failure.
if A[7] ~= '' then
  for _, o in ipairs(entries) do
    if o.collection == '$lanes' and o.action ~= 'c' then try(A[7], sub(K[1], 1, -3) .. 'lane:' .. o.key, '') end
  end
end
return 1
