package main

import "gpusim"

// simulate is the simulator that the commands drive.
var simulate = gpusim.Run
