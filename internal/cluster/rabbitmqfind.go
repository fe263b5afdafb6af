package cluster

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
)

const (
	rabbitmqRemedy = "install RabbitMQ 3.10 or later, on Debian: apt-get install rabbitmq-server " +
		"(ordeal starts nodes of its own: stop and disable the service that comes with it); " +
		"or set RABBITMQ_HOME to an installation, the folder that has sbin/rabbitmq-server; " +
		"or set RABBITMQ_ROOT to the root folder of a system that has it installed (needs root)"
	erlangRemedy = "install Erlang/OTP with its tools on the PATH, on Debian: apt-get install erlang-base"
)

// rabbitmqPlace is where RabbitMQ is installed: on this system, or in the root folder of another one, as mmdebstrap makes it.
type rabbitmqPlace struct {
	// root is the other system's root folder; empty for this system.
	root string
	// home is the folder of the installation, as it is called inside root.
	home string
}

// FindRabbitMQ looks for what the nodes of a local RabbitMQ cluster need: the server's own start script, which changes no user, in
// RABBITMQ_HOME, in RABBITMQ_ROOT, where packages put it, or behind the rabbitmq-server on the PATH; and Erlang's epmd and erl_call.
func FindRabbitMQ() []Installed {
	server, place := findRabbitMQServer()
	found := []Installed{server}
	for _, tool := range []string{"epmd", "erl_call"} {
		found = append(found, findErlang(place, tool))
	}
	return found
}

func findRabbitMQServer() (Installed, rabbitmqPlace) {
	found := Installed{What: "RabbitMQ", Remedy: rabbitmqRemedy}
	place := rabbitmqPlace{root: os.Getenv("RABBITMQ_ROOT")}
	if place.root != "" {
		root, err := filepath.Abs(place.root)
		if err != nil {
			return found, place
		}
		place.root = root
	}
	for _, home := range rabbitmqHomes(place.root) {
		if _, err := os.Stat(filepath.Join(home, "sbin", "rabbitmq-env")); err != nil {
			continue
		}
		found.Path, found.Found, found.Remedy = home, true, ""
		if v := regexp.MustCompile(`rabbitmq_server-([0-9][^/]*)$`).FindStringSubmatch(filepath.ToSlash(home)); v != nil {
			found.Version = v[1]
		}
		place.home = home
		if place.root != "" {
			inside, err := filepath.Rel(place.root, home)
			if err != nil {
				continue
			}
			place.home = "/" + filepath.ToSlash(inside)
		}
		if place.root != "" && os.Geteuid() != 0 {
			found.Found, found.Remedy = false, "run ordeal as root: only root can run what is in RABBITMQ_ROOT="+place.root
		}
		return found, place
	}
	return found, place
}

// rabbitmqHomes are the places to look in, newest version first. RABBITMQ_HOME and RABBITMQ_ROOT are the user's word: when one is set
// nothing else is looked at.
func rabbitmqHomes(root string) []string {
	if home := os.Getenv("RABBITMQ_HOME"); home != "" {
		return []string{absolute(filepath.Join(root, home))}
	}
	var homes []string
	for _, pattern := range []string{"/usr/lib/rabbitmq/lib/rabbitmq_server-*", "/opt/rabbitmq"} {
		some, err := filepath.Glob(filepath.Join(root, pattern))
		if err == nil {
			homes = append(homes, some...)
		}
	}
	slices.Reverse(homes)
	if root != "" {
		return homes
	}
	if script, err := exec.LookPath("rabbitmq-server"); err == nil {
		if script, err = filepath.EvalSymlinks(script); err == nil {
			homes = append(homes, filepath.Dir(filepath.Dir(script)))
		}
	}
	return homes
}

// findErlang looks for one of Erlang's programs; inside another root they are where packages put them.
func findErlang(place rabbitmqPlace, tool string) Installed {
	found := Installed{What: "Erlang's " + tool, Remedy: erlangRemedy}
	var err error
	if place.root == "" {
		found.Path, err = exec.LookPath(tool)
	} else {
		found.Path = path.Join(place.root, "usr", "bin", tool)
		_, err = os.Lstat(found.Path)
	}
	if err != nil {
		found.Path = ""
		return found
	}
	found.Found, found.Remedy = true, ""
	return found
}

// needRabbitMQ returns where RabbitMQ is, and its version, or an error that says what is missing and how to get it.
func needRabbitMQ() (place rabbitmqPlace, version string, err error) {
	server, place := findRabbitMQServer()
	var errs []error
	for _, f := range []Installed{server, findErlang(place, "epmd"), findErlang(place, "erl_call")} {
		switch {
		case f.Found:
		case f.Path != "":
			errs = append(errs, fmt.Errorf("%s at %s cannot be used: %s", f.What, f.Path, f.Remedy))
		default:
			errs = append(errs, fmt.Errorf("%s was not found: %s", f.What, f.Remedy))
		}
	}
	return place, server.Version, errors.Join(errs...)
}

// guest is where a cluster's folder is seen inside another root.
const guest = "/mnt/ordeal"

// inside is the path of something in folder dir as RabbitMQ sees it.
func (p rabbitmqPlace) inside(dir, name string) string {
	if p.root == "" {
		return filepath.Join(dir, name)
	}
	return path.Join(guest, filepath.ToSlash(name))
}

// enter is run by a shell with its own mount namespace, so that nothing has to be unmounted: it makes folder $2 visible inside root $1.
// It replaces itself by the command, as chroot does, so that the process id is the broker's.
const enter = `set -e; root=$1; dir=$2; shift 2
mount -t proc proc "$root/proc"; mount -t tmpfs tmpfs "$root/mnt"; mkdir "$root` + guest + `"; mount --bind "$dir" "$root` + guest + `"
exec chroot "$root" "$@"`

// command is what runs argv with exactly the environment env, in another root where there is one. Every link of the chain replaces
// itself by the next one, so that the process started is the broker in the end.
func (p rabbitmqPlace) command(dir string, env []string, argv ...string) []string {
	programs := os.Getenv("PATH")
	if p.root != "" {
		programs = "/usr/sbin:/usr/bin:/sbin:/bin"
	}
	all := append([]string{"env", "-i", "PATH=" + programs}, env...)
	all = append(all, argv...)
	if p.root == "" {
		return all
	}
	return append([]string{"unshare", "-m", "--propagation", "slave", "sh", "-c", enter, "sh", p.root, dir}, all...)
}

// tool is the path of one of Erlang's programs, as it is called inside the root. What is missing was refused before.
func (p rabbitmqPlace) tool(name string) string {
	if p.root != "" {
		return path.Join("/usr/bin", name)
	}
	return findErlang(p, name).Path
}
