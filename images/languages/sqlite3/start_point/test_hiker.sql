.bail on
.read hiker.sql
SELECT CASE answer WHEN 42 THEN 'PASSED' ELSE 'FAILED: expected 42 but was ' || answer END FROM hiker;
