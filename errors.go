package gpusim

import "errors"

// InputError marks a failure that is the user's: a shape that does not fit, a
// type the machine lacks, a kernel that its catalogue does not hold. Nothing
// ran. Anything else that Run returns is a failure of the simulation.
type InputError struct{ Err error }

func (e *InputError) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *InputError) Unwrap() error { return e.Err }

// IsInput says whether an error is, or wraps, an *InputError.
func IsInput(err error) bool {
	var e *InputError
	return errors.As(err, &e)
}
