// SPDX-License-Identifier: Apache-2.0

// The control plane that the tests run against: Kubernetes' own programs and etcd, linked
// into one file because they share nearly all of their code.  Which of them runs is told by
// the name it is started under, so `build` makes a link for each; a first argument works too.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	kubectl "k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
)

func kubernetes(command func() *cobra.Command) func([]string) {
	return func(args []string) {
		os.Args = args
		os.Exit(cli.Run(command()))
	}
}

// kubectl prints its own errors, a server's refusal in one line.
func runKubectl(args []string) {
	os.Args = args
	util.CheckErr(cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()))
}

var programs = map[string]func(args []string){
	"etcd":                    etcdmain.Main,
	"kube-apiserver":          kubernetes(apiserver.NewAPIServerCommand),
	"kube-controller-manager": kubernetes(controllers.NewControllerManagerCommand),
	"kube-proxy":              kubernetes(proxy.NewProxyCommand),
	"kubectl":                 runKubectl,
	"elector":                 elector,
}

func main() {
	args := os.Args
	run := programs[filepath.Base(args[0])]
	if run == nil && len(args) > 1 {
		args = args[1:]
		run = programs[args[0]]
	}
	if run == nil {
		names := make([]string, 0, len(programs))
		for name := range programs {
			names = append(names, name)
		}
		sort.Strings(names)
		fmt.Fprintln(os.Stderr, "usage: kube "+strings.Join(names, "|")+" [flags]")
		os.Exit(2)
	}
	run(args)
}
