{{/* The name of all objects. Cut so that a suffix still fits into the 63 characters of a Service's name. */}}
{{- define "throughput-operator.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 53 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 53 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What selects the objects of one release; never changes over upgrades. */}}
{{- define "throughput-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{/*
The labels of everything that the chart makes. app.kubernetes.io/managed-by is Helm here, and throughput-operator on
what the operator makes for a test: that tells the two apart.
*/}}
{{- define "throughput-operator.labels" -}}
{{ include "throughput-operator.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: throughput-operator
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "throughput-operator.serviceAccountName" -}}
{{- default (include "throughput-operator.fullname" .) .Values.serviceAccount.name -}}
{{- end -}}

{{/* Arguments: image (a value), what (its path among the values), chart. */}}
{{- define "throughput-operator.image" -}}
{{- $hint := printf "%s.repository is required: where your cluster finds the image that operator/Containerfile builds, for example --set %s.repository=registry.example.com/%s" .what .what .example -}}
{{- $repository := required $hint .image.repository -}}
{{- if .image.digest -}}
{{- printf "%s@%s" $repository .image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (default .chart.AppVersion .image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "throughput-operator.operatorImage" -}}
{{- include "throughput-operator.image" (dict "image" .Values.image "what" "image" "example" "throughput-operator" "chart" .Chart) -}}
{{- end -}}

{{- define "throughput-operator.loadgenImage" -}}
{{- include "throughput-operator.image" (dict "image" .Values.loadgen.image "what" "loadgen.image" "example" "throughput-loadgen" "chart" .Chart) -}}
{{- end -}}

{{- define "throughput-operator.profilerImage" -}}
{{- include "throughput-operator.image" (dict "image" .Values.profiler.image "what" "profiler.image" "example" "throughput-profiler" "chart" .Chart) -}}
{{- end -}}

{{/* The watched namespaces, joined by commas: as the operator takes them, and to be split again for the Roles. */}}
{{- define "throughput-operator.watchNamespaces" -}}
{{- join "," (default (list .Release.Namespace) .Values.watchNamespaces) -}}
{{- end -}}

{{/*
What every pod of the chart is allowed: Pod Security "restricted". No runAsUser: OpenShift gives each namespace a range of
its own and refuses others; elsewhere the image's numeric user counts.
*/}}
{{- define "throughput-operator.podSecurityContext" -}}
runAsNonRoot: true
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "throughput-operator.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* Where the operator runs and what it works on: the same for the Deployment and the restoring hook. */}}
{{- define "throughput-operator.environment" -}}
- name: POD_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: WATCH_NAMESPACES
  value: {{ include "throughput-operator.watchNamespaces" . | quote }}
{{- end -}}

{{/* Where pods of the chart may run. */}}
{{- define "throughput-operator.scheduling" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
