#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# containerd's CRI, called as kubelet calls it (cri.py), with the lines of contrib/containerd for the
# runtime class and the annotations of contrib/kubernetes/pod.yaml. usage: cri.sh [RUNTIME]; see README
. "$(dirname "$0")/lib.sh"
python=/usr/bin/python3
$python -c 'import grpc' 2>/dev/null || skip "python3-grpcio is not installed"
. "$here/containerd-common.sh"
plugins=/usr/lib/cni # Debian's containernetworking-plugins

cat >"$c/config.toml" <<-END
	version = 2
	root = "$c/root"
	state = "$c/state"
	disabled_plugins = ["io.containerd.internal.v1.opt"]
	[grpc]
	address = "$work/c.sock"
	[plugins."io.containerd.grpc.v1.cri"]
	sandbox_image = "localhost/pause:latest"
	restrict_oom_score_adj = true
	[plugins."io.containerd.grpc.v1.cri".containerd]
	snapshotter = "${STORAGE:-native}"
	default_runtime_name = "detrun"
	[plugins."io.containerd.grpc.v1.cri".cni]
	bin_dir = "$plugins"
	conf_dir = "$c/net.d"
END
sed "/^version/d; s|/usr/local/bin/detrun|$runtime|" "$top/contrib/containerd/config.toml" >>"$c/config.toml"
mkdir -p "$c/net.d" "$c/logs"
cat >"$c/net.d/10-pods.conflist" <<-'END'
	{ "cniVersion": "0.4.0", "name": "pods", "plugins": [
	  { "type": "bridge", "bridge": "cni0", "isGateway": true,
	    "ipam": { "type": "host-local", "ranges": [[{ "subnet": "10.99.0.0/24" }]] } } ] }
END

cri() { $python "$here/cri.py" "$work/c.sock" "$@"; }

get() { # key of the last answer
	python3 -c 'import json, sys; print(json.load(open(sys.argv[1])).get(sys.argv[2], ""))' "$work/out" "$1"
}

# A pod's JSON: name, network (0 its own, 2 the node's), annotations
pod_json() {
	cat <<-END
		{"metadata": {"name": "$1", "uid": "u$1", "namespace": "default"}, $([ "$2" = 2 ] || echo "\"hostname\": \"$1\",")
		 "log_directory": "$c/logs", "annotations": {$3}, "linux": {"cgroup_parent": "/kube",
		 "security_context": {"namespace_options": {"network": $2, "pid": 1}}}}
	END
}

run_pod() { # name, network, annotations
	pod_config=$(pod_json "$@")
	t "$1: sandbox" 0 cri RunPodSandbox "{\"config\": $pod_config, \"runtime_handler\": \"detrun\"}"
	pod=$(get pod_sandbox_id)
}

# Its log is $c/logs/NAME.log: name, command as JSON, more of the configuration
run_container() {
	t "$1: create" 0 cri CreateContainer "{\"pod_sandbox_id\": \"$pod\", \"sandbox_config\": $pod_config,
		\"config\": {\"metadata\": {\"name\": \"$1\"}, \"image\": {\"image\": \"localhost/bb:latest\"},
		\"command\": $2, \"log_path\": \"$1.log\"${3:+, $3}}}"
	container=$(get container_id)
	t "$1: start" 0 cri StartContainer "{\"container_id\": \"$container\"}"
}

status() { # prints state and exit code: 1 runs, 2 has ended
	cri ContainerStatus "{\"container_id\": \"$container\"}" | python3 -c 'import json, sys
s = json.load(sys.stdin)["status"]
print(s.get("state", 0), s.get("exit_code", 0))'
}

ended() { [ "$(status)" = "2 ${1:-0}" ]; }

logged() { sed 's/^[^ ]* \(stdout\|stderr\) [FP] //' "$c/logs/$1.log"; }

rm_container() {
	t "$1: remove" 0 cri RemoveContainer "{\"container_id\": \"$container\"}"
}

rm_pod() { # name
	t "$1: stop the sandbox" 0 cri StopPodSandbox "{\"pod_sandbox_id\": \"$pod\"}"
	t "$1: remove the sandbox" 0 cri RemovePodSandbox "{\"pod_sandbox_id\": \"$pod\"}"
}

# contrib/kubernetes/pod.yaml's
annotations=$(sed -n 's/^ *\(org.detrun[^:]*\): "\{0,1\}\([^"]*\)"\{0,1\}$/"\1": "\2"/p' \
	"$top/contrib/kubernetes/pod.yaml" | paste -sd,)
command=$(sed -n 's/^ *command: //p' "$top/contrib/kubernetes/pod.yaml")

test_job() {
	local i
	for i in 1 2; do
		run_pod repeatable 0 "$annotations"
		run_container "main$i" "$command"
		ok "main$i: ends" till ended
		rm_container "main$i"
		rm_pod repeatable
	done
	[ -z "$supervised" ] || ok "job: the same each time" \
		sh -c '[ -n "$1" ] && [ "$1" = "$2" ]' - "$(logged main1)" "$(logged main2)"
	ok "job: by the handler" grep -q ' create --bundle .*/io.containerd.runtime.v2.task/k8s.io/' "$work/calls"
}

test_service() { # network, name
	run_pod "$2" "$1" ''
	run_container "$2-web" '["httpd", "-f", "-p", "18000", "-h", "/srv"]' \
		'"linux": {"resources": {"memory_limit_in_bytes": 67108864, "cpu_shares": 512, "oom_score_adj": 100}}'
	t "$2: exec" 0 cri ExecSync "{\"container_id\": \"$container\", \"cmd\": [\"cat\", \"/srv/index.html\"]}"
	ok "$2: exec: its output" test "$(get stdout)" = hello
	t "$2: exec: exit code" 0 cri ExecSync "{\"container_id\": \"$container\", \"cmd\": [\"sh\", \"-c\", \"exit 3\"]}"
	ok "$2: exec: 3" test "$(get exit_code)" = 3
	[ "$1" = 2 ] || pod_ip=$(cri PodSandboxStatus "{\"pod_sandbox_id\": \"$pod\"}" |
		sed -n 's/.*"ip": "\([^"]*\)".*/\1/p')
	[ "$1" != 2 ] || pod_ip=127.0.0.1
	t "$2: from outside" 0 busybox wget -qO- "http://$pod_ip:18000/"
	is hello
	t "$2: update" 0 cri UpdateContainerResources "{\"container_id\": \"$container\",
		\"linux\": {\"memory_limit_in_bytes\": 50331648}}"
	t "$2: stop" 0 cri StopContainer "{\"container_id\": \"$container\", \"timeout\": 1}"
	rm_container "$2"
	run_container "$2-ends" '["serve"]'
	ok "$2: ready" till eval "logged $2-ends | grep -q ready"
	t "$2: stop with mercy" 0 cri StopContainer "{\"container_id\": \"$container\", \"timeout\": 20}"
	ok "$2: its exit code" ended 7
	rm_container "$2"
	run_container "$2-none" '["sh", "-c", "exit 5"]'
	ok "$2: an exit code" till ended 5
	rm_container "$2"
	t "$2: no such program" 0 cri CreateContainer "{\"pod_sandbox_id\": \"$pod\",
		\"sandbox_config\": $pod_config, \"config\": {\"metadata\": {\"name\": \"x\"},
		\"image\": {\"image\": \"localhost/bb:latest\"}, \"command\": [\"nothing\"], \"log_path\": \"x.log\"}}"
	container=$(get container_id)
	t "$2: no such program: start" fail cri StartContainer "{\"container_id\": \"$container\"}"
	err 'executable file not found in $PATH'
	rm_container "$2"
	rm_pod "$2"
}

ctr_in k8s.io
save_image pause sleep 1000000000
save_image bb sh
start_containerd
t "import" 0 ctr image import --snapshotter "${STORAGE:-native}" "$c/pause.tar"
t "import" 0 ctr image import --snapshotter "${STORAGE:-native}" "$c/bb.tar"
t "version" 0 till cri Version
for part in ${PARTS:-job service node}; do
	echo "# $part"
	case $part in
	service | job) [ -x $plugins/bridge ] || {
		echo "# skipped: containernetworking-plugins is not installed"
		continue
	} ;;
	esac
	case $part in
	job) test_job ;;
	service) test_service 0 service ;;
	node) test_service 2 node ;;
	esac
done
end_daemons
nothing_left '/(k8s.io|kube)$'
finish
