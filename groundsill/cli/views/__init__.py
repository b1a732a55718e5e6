"""What commands show: functions from data to text, without side effects."""
