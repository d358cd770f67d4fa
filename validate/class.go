package validate

// class names the group of rows that a GEMM is judged with: its operand type,
// "-tc" on Tensor Cores, "/acc16" when they accumulate in fp16.
func class(dtype, acc string, tensorCore bool) string {
	c := dtype
	if tensorCore {
		c += "-tc"
		if acc == "fp16" {
			c += "/acc16"
		}
	}
	return c
}
