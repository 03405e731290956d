{{/* The labels that Kubernetes recommends. The names of objects are fixed, since a cluster has one CSIDriver of ours and
     thus one release. (dict "root" $ "component" "node") */}}
{{- define "holdfast.labels" -}}
{{ include "holdfast.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: holdfast
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* Those by which pods are found: never changed, because a Deployment's selector cannot be. */}}
{{- define "holdfast.selector" -}}
app.kubernetes.io/name: holdfast
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "holdfast.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}

{{/* What both kinds of pods are told alike. (dict "root" $ "component" "node") */}}
{{- define "holdfast.pod" -}}
{{- $values := get .root.Values .component -}}
{{- with .root.Values.imagePullSecrets -}}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{ end -}}
serviceAccountName: holdfast-{{ .component }}
priorityClassName: {{ $values.priorityClassName }}
# Calls in flight have 10 s to end; then the sockets are removed.
terminationGracePeriodSeconds: 15
# A Service beside it must not look like a setting in the environment.
enableServiceLinks: false
{{- with $values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Of every container: neither files of its own, nor rights, nor a way to more of them. */}}
{{- define "holdfast.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* Told to every process of ours: it stands in the lines of its log. */}}
{{- define "holdfast.env" -}}
- name: HOLDFAST_NODE_NAME
  valueFrom:
    fieldRef: { fieldPath: spec.nodeName }
{{- end -}}

{{/* One of our own processes is alive while its event loop turns, and ready while its checks hold. The first probe asks
     every second, so that a pod is Ready as soon as it can be. */}}
{{- define "holdfast.probes" -}}
startupProbe:
  httpGet: { path: /healthz, port: health }
  periodSeconds: 1
  failureThreshold: 60
livenessProbe:
  httpGet: { path: /healthz, port: health }
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 3
readinessProbe:
  httpGet: { path: /readyz, port: health }
  periodSeconds: 5
  timeoutSeconds: 5
{{- end -}}

{{/* What all sidecars are told. (dict "root" $ "port" 8081) */}}
{{- define "holdfast.sidecarArgs" -}}
- --csi-address=/csi/csi.sock
- --leader-election
# When the node of the one that works dies, the failover of its volumes waits until its Lease has run out: half of what is
# usual. (The gate ReleaseLeaderElectionOnExit would save that wait at an upgrade, but the others then ignore SIGTERM.)
- --leader-election-lease-duration=8s
- --leader-election-renew-deadline=5s
- --leader-election-retry-period=2s
# Metrics, and the health by which a sidecar that no longer renews its Lease is restarted.
- --http-endpoint=:{{ .port }}
- --kube-api-qps={{ .root.Values.sidecars.apiQps }}
- --kube-api-burst={{ mul .root.Values.sidecars.apiQps 2 }}
{{- end -}}

{{/* The rest of a sidecar's container. (dict "root" $ "name" "attacher" "port" 8081) */}}
{{- define "holdfast.sidecar" -}}
{{- $image := (get .root.Values.sidecars .name).image -}}
image: {{ $image.repository }}:{{ $image.tag }}
imagePullPolicy: {{ .root.Values.imagePullPolicy }}
ports:
  - { name: {{ .name }}, containerPort: {{ .port }} }
livenessProbe:
  httpGet: { path: /healthz/leader-election, port: {{ .name }} }
  # It listens only once the controller has answered.
  initialDelaySeconds: 10
  periodSeconds: 20
  timeoutSeconds: 10
  failureThreshold: 3
securityContext:
  {{- include "holdfast.containerSecurity" . | nindent 2 }}
resources:
  {{- toYaml .root.Values.sidecars.resources | nindent 2 }}
volumeMounts:
  - { name: socket, mountPath: /csi }
{{- end -}}
