DROP TABLE items;
DROP TABLE categories;
