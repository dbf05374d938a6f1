elixir hiker_test.exs
