package cluster

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"
)

const (
	// leastRedis is the first major version that counts what a group has still to read; the driver needs it.
	leastRedis  = 7
	redisRemedy = "install Redis 7 or later, on Debian: apt-get install -y redis-server; or set REDIS_SERVER to the program of another version"
)

// FindRedis looks for redis-server, which is all that a local Redis cluster needs: it is the Sentinel, too. REDIS_SERVER is the user's
// word: the path of the program, or of a script that replaces itself by it; when it is set nothing else is looked at.
func FindRedis() Installed {
	redis := Installed{What: "Redis", Remedy: redisRemedy}
	program := os.Getenv("REDIS_SERVER")
	if program == "" {
		program = "redis-server"
	}
	path, err := exec.LookPath(program)
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return redis
	}
	redis.Path = path
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	said, err := exec.CommandContext(ctx, path, "--version").Output()
	version := regexp.MustCompile(` v=(([0-9]+)[^ ]*)`).FindSubmatch(said)
	if err != nil || version == nil {
		return redis
	}
	redis.Version = string(version[1])
	if major, err := strconv.Atoi(string(version[2])); err == nil && major >= leastRedis {
		redis.Found, redis.Remedy = true, ""
	}
	return redis
}

// needRedis returns the server, or an error that says how to get it.
func needRedis() (Installed, error) {
	redis := FindRedis()
	switch {
	case redis.Found:
		return redis, nil
	case redis.Version != "":
		return redis, fmt.Errorf("%s %s at %s is too old: %s", redis.What, redis.Version, redis.Path, redis.Remedy)
	case os.Getenv("REDIS_SERVER") != "":
		return redis, fmt.Errorf("REDIS_SERVER=%s is no redis-server that runs here: %s", os.Getenv("REDIS_SERVER"), redis.Remedy)
	default:
		return redis, fmt.Errorf("redis-server was not found on the PATH: %s", redis.Remedy)
	}
}
