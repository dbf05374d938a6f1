local luaunit = require('luaunit')
local hiker = require('hiker')

function testLifeTheUniverseAndEverything()
  luaunit.assertEquals(hiker.answer(), 42)
end

os.exit(luaunit.LuaUnit.run())
