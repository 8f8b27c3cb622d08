// Command metrics-server is metrics-server 0.8, the last release that calls client libraries no newer than those of this
// Kubernetes, under the names that these libraries know its types by: from v0.35 on, they no longer look for a type's
// schema by its Go package but by the name in the OpenAPI document, and 0.8 brings the former.
package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"k8s.io/apiserver/pkg/server"
	"k8s.io/client-go/pkg/version"
	"k8s.io/component-base/cli"
	"k8s.io/kube-openapi/pkg/common"
	"k8s.io/kube-openapi/pkg/util"
	"k8s.io/kube-openapi/pkg/validation/spec"

	"sigs.k8s.io/metrics-server/cmd/metrics-server/app/options"
)

func main() {
	opts := options.NewOptions()
	stop := server.SetupSignalHandler()
	command := &cobra.Command{Use: "metrics-server", RunE: func(*cobra.Command, []string) error { return run(opts, stop) }}
	for _, flags := range opts.Flags().FlagSets {
		command.Flags().AddFlagSet(flags)
	}
	os.Exit(cli.Run(command))
}

func run(opts *options.Options, stop <-chan struct{}) error {
	if opts.ShowVersion {
		fmt.Println(version.Get().GitVersion)
		return nil
	}
	if errors := opts.Validate(); len(errors) > 0 {
		return errors[0]
	}
	config, err := opts.ServerConfig()
	if err != nil {
		return err
	}
	openAPI, openAPIV3 := config.Apiserver.OpenAPIConfig, config.Apiserver.OpenAPIV3Config
	openAPI.GetDefinitions = renamed(openAPI.GetDefinitions)
	openAPIV3.GetDefinitions = renamed(openAPIV3.GetDefinitions)
	// Made of the unchanged ones: without it, the function is asked.
	openAPIV3.Definitions = nil
	server, err := config.Complete()
	if err != nil {
		return err
	}
	return server.RunUntil(stop)
}

// renamed gives the definitions, and what they refer to, the names of the OpenAPI document.
func renamed(definitions common.GetOpenAPIDefinitions) common.GetOpenAPIDefinitions {
	return func(ref common.ReferenceCallback) map[string]common.OpenAPIDefinition {
		names := map[string]common.OpenAPIDefinition{}
		refer := func(path string) spec.Ref { return ref(util.ToRESTFriendlyName(path)) }
		for path, definition := range definitions(refer) {
			for index, needed := range definition.Dependencies {
				definition.Dependencies[index] = util.ToRESTFriendlyName(needed)
			}
			names[util.ToRESTFriendlyName(path)] = definition
		}
		return names
	}
}
