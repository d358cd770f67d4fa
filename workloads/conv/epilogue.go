package conv

import (
	"gpusim/workloads"
	"gpusim/workloads/gemm"
)

// Steps is the epilogue of a convolution as its product does it: channels run
// along n where points lie side by side, along m where channels do.
func Steps(c *workloads.Conv) gemm.Steps {
	s := gemm.StepsOf(c.Epilogue)
	s.Across = c.Layout == workloads.LayoutNCHW && c.Epilogue != ""
	return s
}
