make --silent
