package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"
)

const (
	// kafkaJars is where a checkout of ordeal keeps Kafka's jars; it is looked for from the working folder upwards.
	kafkaJars = ".brokers/kafka"
	// leastJava is what brokers of Kafka 4 need.
	leastJava = 17

	kafkaRemedy = "set KAFKA_HOME to an installation of Apache Kafka 4, or, in a checkout of ordeal: " +
		"mvn -q -f testdata/brokers/kafka/pom.xml dependency:copy-dependencies -DoutputDirectory=$PWD/.brokers/kafka"
	javaRemedy = "install Java 17 or later, on Debian: apt-get install openjdk-17-jre-headless"
)

// FindKafka looks for what the nodes of a local Kafka cluster need: Java on the PATH, then the broker's jars in KAFKA_HOME/libs or in
// .brokers/kafka of this folder or one above it.
func FindKafka() []Installed {
	return []Installed{findJava(), findKafkaJars()}
}

func findJava() Installed {
	java := Installed{What: "Java", Remedy: javaRemedy}
	path, err := exec.LookPath("java")
	if err != nil {
		return java
	}
	java.Path = path
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	said, err := exec.CommandContext(ctx, path, "-version").CombinedOutput()
	version := regexp.MustCompile(`version "(([0-9]+)[^"]*)"`).FindSubmatch(said)
	if err != nil || version == nil {
		return java
	}
	java.Version = string(version[1])
	if major, err := strconv.Atoi(string(version[2])); err == nil && major >= leastJava {
		java.Found, java.Remedy = true, ""
	}
	return java
}

func findKafkaJars() Installed {
	kafka := Installed{What: "Apache Kafka", Remedy: kafkaRemedy}
	for _, folder := range kafkaFolders() {
		jars, err := filepath.Glob(filepath.Join(folder, "kafka_2.*.jar"))
		if err != nil || len(jars) == 0 {
			continue
		}
		kafka.Path, kafka.Found, kafka.Remedy = folder, true, ""
		if v := regexp.MustCompile(`kafka_2\.[0-9]+-([0-9][^/\\]*)\.jar$`).FindStringSubmatch(jars[0]); v != nil {
			kafka.Version = v[1]
		}
		return kafka
	}
	return kafka
}

// kafkaFolders are the places to look in. KAFKA_HOME is the user's word: when it is set nothing else is looked at.
func kafkaFolders() []string {
	if home := os.Getenv("KAFKA_HOME"); home != "" {
		return []string{absolute(filepath.Join(home, "libs"))}
	}
	here, err := os.Getwd()
	if err != nil {
		return nil
	}
	var folders []string
	for {
		folders = append(folders, filepath.Join(here, filepath.FromSlash(kafkaJars)))
		above := filepath.Dir(here)
		if above == here {
			return folders
		}
		here = above
	}
}

// absolute is path as it is from everywhere: brokers run in folders of their own.
func absolute(path string) string {
	if whole, err := filepath.Abs(path); err == nil {
		return whole
	}
	return path
}

// needKafka returns the path of java and the folder of the jars, or an error that says what is missing and how to get it.
func needKafka() (java, kafka Installed, err error) {
	found := FindKafka()
	var errs []error
	for _, f := range found {
		switch {
		case f.Found:
		case f.Version != "":
			errs = append(errs, fmt.Errorf("%s %s at %s is too old: %s", f.What, f.Version, f.Path, f.Remedy))
		default:
			errs = append(errs, fmt.Errorf("%s was not found: %s", f.What, f.Remedy))
		}
	}
	return found[0], found[1], errors.Join(errs...)
}
