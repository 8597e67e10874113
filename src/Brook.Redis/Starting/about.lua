-- What the server says of itself (INFO, which a client may not ask everywhere); nothing when the user may not know.
local about = redis.pcall('INFO', 'everything')
return type(about) == 'string' and about or ''
