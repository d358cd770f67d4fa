package sweep

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
)

// These tests run this test binary as other processes and end those with SIGKILL.
const (
	roleVariable = "GPUSIM_TEST_ROLE"
	allVariable  = "GPUSIM_TEST_KILLS" // "all": the slow cases too, see the Makefile
)

func TestMain(m *testing.M) {
	switch role, arg, _ := strings.Cut(os.Getenv(roleVariable), " "); role {
	case "worker":
		_, err := Join(context.Background(), Login{URL: arg, AckWait: 2 * time.Second}, WorkerOptions{Workers: 1})
		fmt.Fprintln(os.Stderr, "worker:", err)
		os.Exit(1)
	case "coordinator":
		dir, url, _ := strings.Cut(arg, " ")
		if err := coordinate(dir, url); err != nil {
			fmt.Fprintln(os.Stderr, "coordinator:", err)
			os.Exit(1)
		}
		os.Exit(0)
	case "nats":
		dir, port, _ := strings.Cut(arg, " ")
		n, _ := strconv.Atoi(port)
		s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: n, JetStream: true, StoreDir: dir, NoLog: true, NoSigs: true})
		if err != nil {
			fmt.Fprintln(os.Stderr, "nats:", err)
			os.Exit(1)
		}
		s.Start()
		s.ReadyForConnections(10 * time.Second)
		fmt.Println(s.ClientURL())
		select {}
	}
	os.Exit(m.Run())
}

// spawn starts this binary in a role.
func spawn(t *testing.T, role string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self)
	c.Env = append(os.Environ(), roleVariable+"="+strings.Join(append([]string{role}, args...), " "))
	c.Stderr = os.Stderr
	if role == "nats" {
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
			t.Fatal("the server does not start:", err)
		}
	} else if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kill9(c) })
	return c
}

func kill9(c *exec.Cmd) {
	_ = c.Process.Kill() // SIGKILL
	_ = c.Wait()
}

// simulated has points that take a tenth of a second or so.
const simulated = `name: simulated
base: volta
workloads:
  - run: gemm:512x512x512:fp16
axes:
  - key: gpu.sm.count
    values: [20, 40, 60, 80]
  - key: gpu.l2.hit_latency
    values: [60, 70, 80, 90, 100]
objectives: [time, energy]
fidelity: sampled
`

// coordinate runs the sweep with workers elsewhere and writes its table.
func coordinate(dir, url string) error {
	s, err := Parse("s.yaml", []byte(simulated))
	if err != nil {
		return err
	}
	sp, err := NewSpace(s)
	if err != nil {
		return err
	}
	store, err := OpenStore(filepath.Join(dir, "p.sqlite"))
	if err != nil {
		return err
	}
	defer store.Close()
	q, err := sp.OpenQueue(context.Background(), Login{URL: url, AckWait: 2 * time.Second}, nil)
	if err != nil {
		return err
	}
	defer q.Close()
	table, err := sp.NewTable(dir)
	if err != nil {
		return err
	}
	if _, err := sp.Run(context.Background(), store, Options{Queue: q}, table.Add); err != nil {
		return err
	}
	f, err := table.Finish()
	if err != nil {
		return err
	}
	return os.Rename(f.Path, filepath.Join(dir, f.Name))
}

// undisturbed is the table of a run in one process.
func undisturbed(t *testing.T) string {
	t.Helper()
	return tableOf(t, simulated)
}

// tableOf runs a sweep in this process and gives its table.
func tableOf(t *testing.T, text string) string {
	t.Helper()
	sp := space(t, text)
	dir := t.TempDir()
	tab, err := sp.NewTable(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer tab.Close()
	if _, err := sp.Run(context.Background(), store(t), Options{}, tab.Add); err != nil {
		t.Fatal(err)
	}
	f, err := tab.Finish()
	if err != nil {
		t.Fatal(err)
	}
	table, err := os.ReadFile(f.Path)
	if err != nil {
		t.Fatal(err)
	}
	return string(table)
}

// progress waits until a server has so many outcomes.
func progress(t *testing.T, url string, outcomes int) {
	t.Helper()
	c, err := connect(Login{URL: url}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.nc.Close()
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		kv, err := c.js.KeyValue(context.Background(), bucketResults)
		if err != nil {
			continue
		}
		if s, err := kv.Status(context.Background()); err == nil && int(s.Values()) >= outcomes {
			return
		}
	}
	t.Fatal("nothing gets done")
}

// once checks that a server holds one outcome for each point, written once, and that a
// store has as many.
func once(t *testing.T, url, path string, points int) {
	t.Helper()
	c, err := connect(Login{URL: url}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.nc.Close()
	kv, err := c.js.KeyValue(context.Background(), bucketResults)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := kv.Keys(context.Background())
	if err != nil || len(keys) != points {
		t.Errorf("%d outcomes on the server, want %d: %v", len(keys), points, err)
	}
	for _, k := range keys {
		history, err := kv.History(context.Background(), k)
		if err != nil || len(history) != 1 || history[0].Operation() != jetstream.KeyValuePut {
			t.Errorf("%s was written %d times: %v", k, len(history), err)
		}
	}
	s, err := OpenStore(path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if n, err := s.Count(); err != nil || n != points {
		t.Errorf("%d points in the store, want %d: %v", n, points, err)
	}
}

func natsProcess(t *testing.T, dir, port string) (*exec.Cmd, string) {
	c := spawn(t, "nats", dir, port)
	return c, "nats://127.0.0.1:" + port
}

// freePort is one that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	s, err := Serve("127.0.0.1:0", "")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	return s.URL()[strings.LastIndexByte(s.URL(), ':')+1:]
}

// finish waits for a coordinator and compares its table.
func finish(t *testing.T, c *exec.Cmd, dir, want string) {
	t.Helper()
	if err := c.Wait(); err != nil {
		t.Fatal("coordinator:", err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "sweep.csv"))
	if err != nil || string(text) != want {
		t.Errorf("another table than of an undisturbed run: %v\n%s\nfor\n%s", err, text, want)
	}
}

func TestKilledWorker(t *testing.T) {
	want := undisturbed(t)
	dir := t.TempDir()
	_, url := natsProcess(t, filepath.Join(dir, "nats"), freePort(t))
	victim := spawn(t, "worker", url)
	c := spawn(t, "coordinator", dir, url)
	progress(t, url, 3)
	kill9(victim) // with a point under way
	spawn(t, "worker", url)
	finish(t, c, dir, want)
	once(t, url, filepath.Join(dir, "p.sqlite"), 20)
}

func TestKilledCoordinator(t *testing.T) {
	if os.Getenv(allVariable) != "all" {
		t.Skip("make kills")
	}
	want := undisturbed(t)
	dir := t.TempDir()
	_, url := natsProcess(t, filepath.Join(dir, "nats"), freePort(t))
	for range 2 {
		spawn(t, "worker", url)
	}
	for i := range 3 {
		c := spawn(t, "coordinator", dir, url)
		progress(t, url, 4+5*i)
		kill9(c)
	}
	finish(t, spawn(t, "coordinator", dir, url), dir, want)
	once(t, url, filepath.Join(dir, "p.sqlite"), 20)
}

func TestKilledServer(t *testing.T) {
	if os.Getenv(allVariable) != "all" {
		t.Skip("make kills")
	}
	want := undisturbed(t)
	for _, lost := range []bool{false, true} { // with its files, and without
		dir, port := t.TempDir(), freePort(t)
		files := filepath.Join(dir, "nats")
		s, url := natsProcess(t, files, port)
		for range 2 {
			spawn(t, "worker", url)
		}
		c := spawn(t, "coordinator", dir, url)
		progress(t, url, 4)
		kill9(s)
		if lost {
			files = filepath.Join(dir, "other")
		}
		time.Sleep(time.Second)
		natsProcess(t, files, port)
		finish(t, c, dir, want)
		st, err := OpenStore(filepath.Join(dir, "p.sqlite"))
		if err != nil {
			t.Fatal(err)
		}
		if n, err := st.Count(); err != nil || n != 20 {
			t.Errorf("%d points in the store: %v", n, err)
		}
		if err := st.Close(); err != nil {
			t.Fatal(err)
		}
		if !lost {
			once(t, url, filepath.Join(dir, "p.sqlite"), 20)
		}
	}
}

// Others than we would understand are refused, on both sides.
func TestOtherProtocol(t *testing.T) {
	t.Parallel()
	s, err := Serve("127.0.0.1:0", "secret")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := connect(Login{URL: s.URL(), Token: "wrong"}, nil); err == nil {
		t.Error("a wrong token is let in")
	}
	l := Login{URL: s.URL(), Token: "secret"}
	c, err := connect(l, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.nc.Close()
	kv, err := c.js.CreateKeyValue(context.Background(), jetstream.KeyValueConfig{Bucket: bucketSweeps})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Put(context.Background(), keyProtocol, []byte("99")); err != nil {
		t.Fatal(err)
	}
	if _, err := Join(context.Background(), l, WorkerOptions{}); err == nil || !strings.Contains(err.Error(), "protocol 99") {
		t.Errorf("a worker joins: %v", err)
	}
	if _, err := space(t, simulated).OpenQueue(context.Background(), l, nil); err == nil || !strings.Contains(err.Error(), "protocol 99") {
		t.Errorf("a coordinator joins: %v", err)
	}
	if _, err := Serve("0.0.0.0:0", ""); err == nil {
		t.Error("the queue is open to the world")
	}
}

// Outcomes of other models or protocols, and those that come late or twice, do no harm.
func TestStrangeOutcomes(t *testing.T) {
	t.Parallel()
	q := &Queue{waiting: map[string]*waiter{}}
	w := &waiter{got: make(chan *Outcome, 1)}
	for _, a := range []answer{{Protocol: 2, Outcome: &Outcome{}}, {Protocol: protocol, Model: "other", Outcome: &Outcome{}}, {Protocol: protocol}} {
		text, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		if q.take(w, text) {
			t.Errorf("%+v is taken", a)
		}
	}
	if q.take(w, []byte("{")) || len(w.got) != 0 {
		t.Error("nonsense is taken")
	}
}
