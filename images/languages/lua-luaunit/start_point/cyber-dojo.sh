lua5.4 test_hiker.lua
