// SPDX-License-Identifier: Apache-2.0
// The whole public API.
#pragma once

#include <ringpost/delivery.h>
#include <ringpost/error.h>
#include <ringpost/log.h>
#include <ringpost/options.h>
#include <ringpost/partitioner.h>
#include <ringpost/producer.h>
#include <ringpost/record.h>
#include <ringpost/serializer.h>
#include <ringpost/statistics.h>
