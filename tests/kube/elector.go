// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientset "k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// elector NAMESPACE NAME IDENTITY DURATION RENEW-DEADLINE RETRY-PERIOD: contends for a Lease with
// client-go's leader election, as Kubernetes' own controllers do, and says "leading", "stopped" and
// "NAME leads" on standard output.  TERM releases the Lease.  The server is $KUBECONFIG's.
func elector(args []string) {
	if err := elect(args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "elector:", err)
		os.Exit(1)
	}
}

func elect(args []string) error {
	if len(args) != 6 {
		return fmt.Errorf("want NAMESPACE NAME IDENTITY DURATION RENEW-DEADLINE RETRY-PERIOD")
	}
	var times [3]time.Duration
	for i, text := range args[3:] {
		t, err := time.ParseDuration(text)
		if err != nil {
			return err
		}
		times[i] = t
	}
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return err
	}
	client, err := clientset.NewForConfig(config)
	if err != nil {
		return err
	}
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	leaderelection.RunOrDie(ctx, leaderelection.LeaderElectionConfig{
		Lock: &resourcelock.LeaseLock{
			LeaseMeta:  metav1.ObjectMeta{Namespace: args[0], Name: args[1]},
			Client:     client.CoordinationV1(),
			LockConfig: resourcelock.ResourceLockConfig{Identity: args[2]},
		},
		LeaseDuration:   times[0],
		RenewDeadline:   times[1],
		RetryPeriod:     times[2],
		ReleaseOnCancel: true,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(context.Context) { fmt.Println("leading") },
			OnStoppedLeading: func() { fmt.Println("stopped") },
			OnNewLeader:      func(who string) { fmt.Println(who, "leads") },
		},
	})
	return nil
}
