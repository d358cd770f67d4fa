package sweep

import (
	"fmt"
	"strings"
)

// Slurm is an array job that starts workers. Slurm starts processes; who works on what
// is the queue's business, so a task that dies costs no more than what it was at.
type Slurm struct {
	Program string // of gpusim, where compute nodes find it
	URL     string // of the queue's server, as they reach it
	Tasks   int
	CPUs    int // of a task
	Log     string
	CA      string
}

// Script is the job script.
func (j *Slurm) Script(name string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `#!/bin/sh
#SBATCH --job-name=gpusim-%s
#SBATCH --array=1-%d
#SBATCH --cpus-per-task=%d
#SBATCH --output=%s
#SBATCH --requeue
# Workers of the sweep %s. The token is taken from GPUSIM_NATS_TOKEN of the
# environment that submits. A worker without a job for ten minutes ends.
exec %s worker --nats %s --workers %d --idle 10m`, name, j.Tasks, j.CPUs, j.Log, name, quoted(j.Program), quoted(j.URL), j.CPUs)
	if j.CA != "" {
		fmt.Fprintf(&b, " --tls-ca %s", quoted(j.CA))
	}
	b.WriteString("\n")
	return b.String()
}

// quoted is a word for the shell.
func quoted(s string) string {
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-./:@%+=", r))
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
