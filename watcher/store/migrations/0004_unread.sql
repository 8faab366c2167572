-- Every document is read when it is fetched.
--
-- Version 0.1.0 kept a feed's first copy unread when it named nothing of Microsoft's.
-- What such a feed had is not known: with its entries taken for none, its next copy would
-- be news from top to bottom.  So the document is forgotten, and read for the first time.

DROP TABLE copies;

DELETE FROM documents WHERE replace(record, '"unread":true', '') <> record;
