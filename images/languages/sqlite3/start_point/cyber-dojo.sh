sqlite3 :memory: <test_hiker.sql
