mocha --reporter tap './*.test.js'
