"""Fresh processes: each row is tuned in one, proven in another, tested in a third."""
