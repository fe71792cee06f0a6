"""What the monitor's settings cost: false alarms a year and delays, by letting the monitor watch made-up traffic."""
