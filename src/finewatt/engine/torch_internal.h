// The only place that includes LibTorch. Precompiled; included by few files, for each costs tens
// of seconds. Only ATen and the autograd switches are used: the model, its optimizer and its loop
// are our own.
#pragma once

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/version.h>
