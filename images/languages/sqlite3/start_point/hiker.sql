CREATE VIEW hiker AS SELECT 6 * 9 AS answer;
