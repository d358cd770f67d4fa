package library

import (
	"errors"
	"fmt"

	"gpusim/configs"
	"gpusim/workloads"
)

// ErrLayout says that a convolution of NCHW images has kernels for NHWC ones only.
var ErrLayout = errors.New("the library of this machine has kernels for this type in layout nhwc only")

// lacking says that a library has no kernel for a convolution, and in which layout it
// has one. Images in planes are brought to NHWC where that helps, which is ErrLayout.
func lacking(g *configs.GPU, c *workloads.Conv) error {
	hint := ""
	for _, layout := range []string{workloads.LayoutNHWC, workloads.LayoutVectC, workloads.LayoutNCHW} {
		side := *c
		if side.Layout = layout; len(convEntries(g, &side)) == 0 {
			continue
		}
		if layout == workloads.LayoutNHWC && c.Layout == workloads.LayoutNCHW {
			return ErrLayout
		}
		hint = "; it has one for layout=" + layout
		break
	}
	return fmt.Errorf("the library of this machine has no convolution for dtype %s with %s accumulators in layout %s%s", c.DType, c.Acc, c.Layout, hint)
}
