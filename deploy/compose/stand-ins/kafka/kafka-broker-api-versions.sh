#!/bin/sh
# Sparing, since a whole JVM starts for each health check, beside the broker on the same cores.
exec java -Xmx64m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp '/opt/kafka/libs/*' org.apache.kafka.tools.BrokerApiVersionsCommand "$@"
