# shellcheck shell=bash
# The kubelet sets a few of the host's kernel settings for itself. What they were is noted before the first start, and put
# back by `down`.

kernel_settings=(vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops kernel.keys.root_maxkeys
  kernel.keys.root_maxbytes)

remember_kernel_settings() {
  local setting file
  # After a crash the note tells the truth, and the kernel's settings are the kubelet's.
  [[ ! -s $state/kernel-settings ]] || return 0
  for setting in "${kernel_settings[@]}"; do
    file=/proc/sys/${setting//./\/}
    [[ ! -r $file ]] || echo "$setting $(<"$file")"
  done >"$state/kernel-settings"
}

restore_kernel_settings() {
  local setting value
  [[ -s $state/kernel-settings ]] || return 0
  while read -r setting value; do
    echo "$value" >"/proc/sys/${setting//./\/}" 2>/dev/null || true
  done <"$state/kernel-settings"
  rm -f "$state/kernel-settings"
}
