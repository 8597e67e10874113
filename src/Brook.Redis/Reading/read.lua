-- Reads strings, fields of hashes and lists at one moment. A transaction would do as well, but a server that is full takes none, not even one that only reads.
-- KEYS  strings, hashes, lists   ARGV  the number of strings, the number of hashes, per hash the number of fields and the fields
local K, A, call, min = KEYS, ARGV, redis.call, math.min
local CHUNK = 4000                              -- how many arguments a call may have
local strings, rows, lists = {}, {}, {}
local n, h, p = tonumber(A[1]), tonumber(A[2]), 3
for s = 1, n, CHUNK do
  for _, v in ipairs(call('MGET', unpack(K, s, min(s + CHUNK - 1, n)))) do strings[#strings + 1] = v end
end
for g = n + 1, n + h do
  local last = p + tonumber(A[p])
  for s = p + 1, last, CHUNK do
    for _, v in ipairs(call('HMGET', K[g], unpack(A, s, min(s + CHUNK - 1, last)))) do rows[#rows + 1] = v end
  end
  p = last + 1
end
for l = n + h + 1, #K do lists[#lists + 1] = call('LRANGE', K[l], 0, -1) end
return {strings, rows, lists}
